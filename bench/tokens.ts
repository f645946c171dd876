import { createHmac, createSecretKey } from "node:crypto";

export interface TokenTerms {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

const base64url = (text: string) => Buffer.from(text).toString("base64url");

/**
 * Mints HS256 tokens, good for an hour. About 8 µs each: the key is prepared once and the parts that all tokens share
 * are encoded once. The product's own tokens come from `./dev token`; these exist because a rush needs 50,000.
 */
export function createMint({ secret, issuer, audience }: TokenTerms, nowMs: number = Date.now()) {
  const key = createSecretKey(Buffer.from(secret));
  const header = `${base64url('{"alg":"HS256","typ":"JWT"}')}.`;
  const exp = Math.floor(nowMs / 1000) + 3600;
  return (userId: string, role?: string): string => {
    const claims = { sub: userId, iss: issuer, aud: audience, exp, ...(role === undefined ? {} : { role }) };
    const signed = header + base64url(JSON.stringify(claims));
    return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
  };
}
