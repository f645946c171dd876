import { createHmac } from "node:crypto";

export interface TokenClaims {
  /** The user id. */
  readonly sub: string;
  readonly iss: string;
  readonly aud: string;
  readonly role?: string | undefined;
  /** What an operator may do: one role or several. */
  readonly operator_role?: string | readonly string[] | undefined;
  /** The token's own id, by which it can be blocked alone. */
  readonly jti?: string;
  /** Seconds from now until it expires; negative: it has expired. */
  readonly expiresInS: number;
}

const HEADER = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

/** A bearer token (JWT, HS256), as the gateway accepts it. */
export function signToken(secret: string, claims: TokenClaims, nowMs: number = Date.now()): string {
  const iat = Math.floor(nowMs / 1000);
  const { expiresInS, ...rest } = claims;
  const body = Buffer.from(JSON.stringify({ ...rest, iat, exp: iat + expiresInS })).toString("base64url");
  const signature = createHmac("sha256", secret).update(`${HEADER}.${body}`).digest("base64url");
  return `${HEADER}.${body}.${signature}`;
}
