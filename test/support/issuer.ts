import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";

export type AsymmetricAlgorithm = "EdDSA" | "ES256" | "RS256";

/** A key of a token issuer of a test. */
export interface IssuerKey {
  readonly kid: string;
  readonly algorithm: AsymmetricAlgorithm;
  /** As it stands in the issuer's JWK Set. */
  readonly jwk: JWK;
  readonly privateJwk: JWK;
  /** The public key as PEM, which attackers use as if it were an HMAC secret. */
  readonly pem: string;
  /** A token of a user, as the gateway accepts it by default; `claims` and `header` replace members. */
  sign(userId: string, claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

/** The claims of a token that is good for an hour. */
export function tokenClaims(userId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return { sub: userId, iss: "stampede", aud: "stampede", iat: now, exp: now + 3600, ...more };
}

export async function newIssuerKey(algorithm: AsymmetricAlgorithm, kid: string): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return {
    kid,
    algorithm,
    jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" },
    privateJwk: { ...(await exportJWK(privateKey)), kid, alg: algorithm },
    pem: await exportSPKI(publicKey),
    sign: (userId, claims, header) =>
      new SignJWT(tokenClaims(userId, claims))
        .setProtectedHeader({ alg: algorithm, kid, ...header } as { alg: string })
        .sign(privateKey),
  };
}

/** The text of a JWK Set. */
export const jwksText = (keys: readonly (IssuerKey | JWK)[]): string =>
  JSON.stringify({ keys: keys.map((key) => ("jwk" in key ? key.jwk : key)) });

/** An issuer's server on this machine. */
export interface IssuerServer {
  readonly url: string;
  /** Fetches so far. */
  readonly fetches: number;
  /** What it answers from now on; null: it is away. */
  answer(next: (() => Response | Promise<Response>) | null): void;
  publish(keys: readonly (IssuerKey | JWK)[]): void;
  stop(): Promise<void>;
}

export function startIssuer(keys: readonly (IssuerKey | JWK)[]): IssuerServer {
  let fetches = 0;
  const set = (list: readonly (IssuerKey | JWK)[]) => () => new Response(jwksText(list));
  let respond: (() => Response | Promise<Response>) | null = set(keys);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch() {
      fetches++;
      return respond === null ? new Response("away", { status: 503 }) : respond();
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/jwks.json`,
    get fetches() {
      return fetches;
    },
    answer(next) {
      respond = next;
    },
    publish(list) {
      respond = set(list);
    },
    stop: () => server.stop(true),
  };
}
