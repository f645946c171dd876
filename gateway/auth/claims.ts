import { StampedeError } from "../../contracts/wire/errors.ts";
import { USER_ID, type UserId } from "../../contracts/wire/ids.ts";
import type { Identity } from "./identity.ts";
import type { OperatorRole } from "./roles.ts";

/** What a token must say to be accepted, and what its bearer may do. */
export interface Realm {
  readonly issuer: string;
  readonly audience: string;
  /** Seconds from `iat` after which a token is refused whatever its `exp`; 0: no limit, and no `iat` is needed. */
  readonly maxAgeS: number;
  /** false: its users are operators, whose ids are not those of customers. */
  readonly isCustomer: boolean;
  readonly rolesOf: (claims: TokenPayload) => readonly OperatorRole[];
}

/** The payload of a token, before it is checked. */
export interface TokenPayload {
  readonly sub?: unknown;
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly nbf?: unknown;
  readonly iat?: unknown;
  readonly jti?: unknown;
  readonly role?: unknown;
  readonly operator_role?: unknown;
}

/** Clocks of token issuers differ a little; RFC 8725 leaves the amount to the implementation. */
const CLOCK_LEEWAY_S = 5;
/** A longer `jti` cannot be blocked alone. */
export const LONGEST_TOKEN_ID = 256;

export const invalid = (detail: string) => new StampedeError("TOKEN_INVALID", detail);

const isMoment = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** Longer than every valid token; a longer header is an attack or a mistake. */
export const MAX_TOKEN_LENGTH = 4096;

/** Decoded payloads, one after the other. */
export const scratch = Buffer.allocUnsafe(MAX_TOKEN_LENGTH);

/** The payload between two dots of a token, without verification. undefined: it is no JSON object. */
export function payloadOf(token: string, first: number, second: number): TokenPayload | undefined {
  try {
    const length = scratch.write(token.slice(first + 1, second), "base64url");
    const claims: unknown = JSON.parse(scratch.toString("utf8", 0, length));
    return typeof claims === "object" && claims !== null ? (claims as TokenPayload) : undefined;
  } catch {
    return undefined; // not JSON: not a token
  }
}

/** The realm whose issuer and audience the token names. @throws StampedeError TOKEN_INVALID */
function realmOf(realms: readonly Realm[], { iss, aud }: TokenPayload): Realm {
  let isIssuer = false;
  for (const realm of realms) {
    if (iss !== realm.issuer) continue;
    isIssuer = true;
    if (aud === realm.audience || (Array.isArray(aud) && aud.includes(realm.audience))) return realm;
  }
  throw invalid(`The token's \`${isIssuer ? "aud" : "iss"}\` is not accepted here`);
}

/**
 * The identity that a verified payload gives.
 * @throws StampedeError TOKEN_INVALID, TOKEN_EXPIRED
 */
export function identityOf(claims: TokenPayload | undefined, realms: readonly Realm[]): Identity {
  if (claims === undefined) throw invalid("The token's payload is not a JSON object");
  const { sub, exp, nbf, iat, jti } = claims;
  if (!isMoment(exp)) throw invalid("The token has no `exp`, or it is not a number");
  if (nbf !== undefined && !isMoment(nbf)) throw invalid("The token's `nbf` is not a number");
  if (iat !== undefined && !isMoment(iat)) throw invalid("The token's `iat` is not a number");
  const now = Date.now() / 1000;
  if (now >= exp + CLOCK_LEEWAY_S) throw new StampedeError("TOKEN_EXPIRED");
  if (nbf !== undefined && nbf > now + CLOCK_LEEWAY_S) throw invalid("The token is not valid yet");
  const realm = realmOf(realms, claims);
  const end = realm.maxAgeS === 0 ? exp : Math.min(exp, lastMoment(iat, realm.maxAgeS, now));
  if (typeof sub !== "string" || !USER_ID.test(sub)) throw invalid("The token's `sub` is not a user id");
  return {
    userId: sub as UserId,
    roles: realm.rolesOf(claims),
    isCustomer: realm.isCustomer,
    tokenId: typeof jti === "string" && jti.length <= LONGEST_TOKEN_ID ? jti : null,
    expiresAt: (end + CLOCK_LEEWAY_S) * 1000,
  };
}

/** When a token is too old, seconds since 1970. @throws StampedeError TOKEN_INVALID, TOKEN_EXPIRED: it is already */
function lastMoment(iat: number | undefined, maxAgeS: number, now: number): number {
  if (iat === undefined) throw invalid("The token has no `iat`, which this gateway requires");
  if (iat > now + CLOCK_LEEWAY_S) throw invalid("The token's `iat` is in the future");
  if (now >= iat + maxAgeS + CLOCK_LEEWAY_S) {
    throw new StampedeError(
      "TOKEN_EXPIRED",
      `The token is older than ${maxAgeS} s, the most that this gateway accepts`,
    );
  }
  return iat + maxAgeS;
}
