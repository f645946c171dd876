import { readFileSync } from "node:fs";
import { importJWK, type JWK, SignJWT } from "jose";
import { CliError } from "../../stack/errors.ts";
import type { TokenClaims } from "./sign.ts";

const ALGORITHMS: Readonly<Record<string, string>> = { OKP: "EdDSA", EC: "ES256", RSA: "RS256", oct: "HS256" };

/** A token that a key of a file signs: a private JWK with its `kid`. @throws CliError about the file, without its text */
export async function signWithKey(file: string, { expiresInS, ...claims }: TokenClaims): Promise<string> {
  let jwk: JWK;
  try {
    jwk = JSON.parse(readFileSync(file, "utf8")) as JWK;
  } catch (error) {
    throw new CliError(`${file} cannot be read as JSON (${(error as { code?: string }).code ?? "syntax"})`);
  }
  const algorithm = jwk?.alg ?? ALGORITHMS[jwk?.kty ?? ""];
  const isPrivate = jwk?.kty === "oct" ? jwk.k !== undefined : jwk?.d !== undefined;
  if (algorithm === undefined || typeof jwk.kid !== "string" || !isPrivate) {
    throw new CliError(`${file} is not a private JWK with a \`kid\``);
  }
  const iat = Math.floor(Date.now() / 1000);
  const key = await importJWK(jwk, algorithm).catch(() => {
    throw new CliError(`${file} is not a valid key of ${algorithm}`);
  });
  return await new SignJWT({ ...claims, iat, exp: iat + expiresInS })
    .setProtectedHeader({ alg: algorithm, kid: jwk.kid, typ: "JWT" })
    .sign(key);
}
