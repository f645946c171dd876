import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { compactVerify } from "jose";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { identityOf, invalid, MAX_TOKEN_LENGTH, payloadOf, type Realm } from "./claims.ts";
import type { Authenticate, Identity } from "./identity.ts";
import type { SignatureAlgorithm, VerificationKey } from "./jwks.ts";
import type { KeySource } from "./key-source.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

/** Keys, and whose tokens they verify. */
export interface KeyGroup {
  /** The key of HS256 tokens without a `kid`; null: there is none. */
  readonly secret: VerificationKey | null;
  /** Keys by `kid`. Without any, `kid` is not looked at. */
  readonly sources: readonly KeySource[];
  readonly realms: readonly Realm[];
}

/** Users and tokens that operators blocked. */
export interface Blocked {
  hasUser(userId: UserId): boolean;
  /** By `jti`. */
  hasToken(tokenId: string): boolean;
}

const NOBODY: Blocked = { hasUser: () => false, hasToken: () => false };

interface TokenHeader {
  readonly algorithm: SignatureAlgorithm;
  readonly kid: string | null;
}

/** 32 bytes in base64url. */
const HMAC_TEXT = /^[A-Za-z0-9_-]{43}$/;
const ALGORITHMS: ReadonlySet<unknown> = new Set<SignatureAlgorithm>(["HS256", "EdDSA", "Ed25519", "ES256", "RS256"]);
/** Issuers write few different headers. Only those of verified tokens are remembered, because clients can invent others. */
const REMEMBERED_HEADERS = 64;
/** Signatures that are being verified at once; each takes about 0.1 ms of another thread. */
const MOST_IN_PROGRESS = 2_000;
/** Requests that wait for a fetch of keys, which an unknown `kid` caused. */
const MOST_WAITING = 256;

/** The key of HS256 tokens without a `kid`. @param secret at least 32 bytes */
export function sharedSecret(secret: string): VerificationKey {
  const key = createSecretKey(Buffer.from(secret));
  return { kid: null, algorithm: "HS256", secret: key, publicKey: null, fingerprint: "", isRetired: false };
}

/** null: no JWT header, or one that this gateway does not accept. Members that name a key's place (`jku`, `x5u`, `jwk`) are not read. */
function parseHeader(text: string): TokenHeader | null {
  try {
    const { alg, kid, crit } = JSON.parse(Buffer.from(text, "base64url").toString());
    if (!ALGORITHMS.has(alg) || crit !== undefined) return null;
    return kid === undefined || typeof kid === "string" ? { algorithm: alg, kid: kid ?? null } : null;
  } catch {
    return null; // not JSON: not a JWT header
  }
}

// Used again for every token: two allocations cost 0.1 µs.
const givenText = Buffer.alloc(43);
const expectedText = Buffer.alloc(43);

/** Whether the HMAC at the end of a token is right. */
function isSignedWith(key: KeyObject, token: string, dot: number): boolean {
  const given = token.slice(dot + 1);
  // Compared as text: the same bytes have many forms in base64url (padding, skipped characters, unused bits); only one is accepted.
  if (!HMAC_TEXT.test(given)) return false;
  givenText.write(given, "latin1");
  expectedText.write(createHmac("sha256", key).update(token.slice(0, dot)).digest("base64url"), "latin1");
  return timingSafeEqual(givenText, expectedText);
}

/** The key of a group for a header. A key has one algorithm: a header that names another one finds nothing (RFC 8725 §3.1). */
function keyOf({ secret, sources }: KeyGroup, { algorithm, kid }: TokenHeader): VerificationKey | undefined {
  if (kid === null || sources.length === 0) return algorithm === "HS256" ? (secret ?? undefined) : undefined;
  for (const source of sources) {
    const key = source.find(kid);
    if (key !== undefined) return key.algorithm === algorithm ? key : undefined;
  }
  return undefined;
}

/** Verifies tokens. The order of `groups` matters only for two that have a key for the same header. */
class TokenVerifier {
  readonly #groups: readonly KeyGroup[];
  readonly #blocked: Blocked;
  readonly #headers = new Map<string, TokenHeader>();
  readonly #verified = new VerifiedTokens();
  /** Equal tokens of one moment are verified once. */
  readonly #inProgress = new Map<string, Promise<Identity>>();
  #waiting = 0;

  constructor(groups: readonly KeyGroup[], blocked: Blocked) {
    this.#groups = groups;
    this.#blocked = blocked;
  }

  authenticate(token: string): Identity | Promise<Identity> {
    if (token.length > MAX_TOKEN_LENGTH) throw invalid("The token is too long");
    const first = token.indexOf(".");
    const second = token.indexOf(".", first + 1);
    if (first < 1 || second < 0 || token.indexOf(".", second + 1) >= 0) throw invalid("The token is not a JWT");
    const text = token.slice(0, first);
    const known = this.#headers.get(text);
    const header = known ?? parseHeader(text);
    if (header === null) throw invalid("The token's header is not valid, or its algorithm is not accepted here");
    if (header.algorithm !== "HS256") return this.#slowly(token, first, second, header);
    for (const group of this.#groups) {
      const key = keyOf(group, header);
      if (key !== undefined && isSignedWith(key.secret!, token, second)) {
        if (known === undefined) this.#remember(text, header);
        return this.#allowed(identityOf(payloadOf(token, first, second), group.realms));
      }
    }
    throw invalid("The token's signature does not match");
  }

  /** The header of a token whose signature is right. */
  #remember(text: string, header: TokenHeader): void {
    if (this.#headers.size < REMEMBERED_HEADERS) this.#headers.set(text, header);
  }

  /** @throws StampedeError USER_BLOCKED, TOKEN_REVOKED */
  #allowed(identity: Identity): Identity {
    if (this.#blocked.hasUser(identity.userId)) throw new StampedeError("USER_BLOCKED");
    if (identity.tokenId !== null && this.#blocked.hasToken(identity.tokenId)) throw new StampedeError("TOKEN_REVOKED");
    return identity;
  }

  /** Tokens that are not HS256: from the cache, or by a promise. */
  #slowly(token: string, first: number, second: number, header: TokenHeader): Identity | Promise<Identity> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (known.identity.expiresAt > Date.now()) return this.#allowed(known.identity);
      this.#verified.delete(token);
      throw new StampedeError("TOKEN_EXPIRED");
    }
    const same = this.#inProgress.get(token);
    if (same !== undefined) return same;
    if (this.#inProgress.size >= MOST_IN_PROGRESS) throw new StampedeError("OVERLOADED");
    const promise = this.#verify(token, first, second, header).finally(() => this.#inProgress.delete(token));
    this.#inProgress.set(token, promise);
    return promise;
  }

  async #verify(token: string, first: number, second: number, header: TokenHeader): Promise<Identity> {
    let candidates = this.#candidates(header);
    if (candidates.length === 0) {
      await this.#fetchKeys(header);
      candidates = this.#candidates(header);
    }
    for (const { key, realms } of candidates) {
      const isRight = await compactVerify(token, key.publicKey!, { algorithms: [key.algorithm] }).then(
        () => true,
        () => false,
      );
      if (!isRight) continue;
      this.#remember(token.slice(0, first), header);
      const identity = this.#allowed(identityOf(payloadOf(token, first, second), realms));
      this.#verified.set(token, { identity, key });
      return identity;
    }
    if (candidates.length > 0) throw invalid("The token's signature does not match");
    if (header.kid === null) throw invalid("The token names no key (`kid`)");
    // An issuer that does not answer may have a new key.
    const isFailing = this.#groups.some(({ sources }) => sources.some((source) => source.isFailing));
    throw isFailing ? new StampedeError("KEYS_UNAVAILABLE") : invalid("The token's key (`kid`) is not known here");
  }

  #candidates(header: TokenHeader): { key: VerificationKey; realms: readonly Realm[] }[] {
    return this.#groups.flatMap((group) => {
      const key = keyOf(group, header);
      return key === undefined ? [] : [{ key, realms: group.realms }];
    });
  }

  /** Waits until sources that may have a new key for this header were read again; not at all if that was done a moment ago. */
  async #fetchKeys({ kid }: TokenHeader): Promise<void> {
    if (kid === null) return;
    const sources = this.#groups.flatMap((group) => group.sources);
    // The key is known and has another algorithm: a fetch would not help.
    if (sources.some((source) => source.find(kid) !== undefined)) return;
    const fetches = sources.flatMap((source) => source.refetch() ?? []);
    if (fetches.length === 0) return;
    if (this.#waiting >= MOST_WAITING) throw new StampedeError("KEYS_UNAVAILABLE");
    this.#waiting++;
    try {
      await Promise.all(fetches);
    } finally {
      this.#waiting--;
    }
  }
}

/** Verifies tokens with the keys of the groups, and refuses those that operators blocked. */
export function createAuthenticate(groups: readonly KeyGroup[], blocked: Blocked = NOBODY): Authenticate {
  const verifier = new TokenVerifier(groups, blocked);
  return (token) => verifier.authenticate(token);
}
