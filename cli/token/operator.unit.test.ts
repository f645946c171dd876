import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import type { StackEnv } from "../../stack/service.ts";
import { newIssuerKey } from "../../test/support/issuer.ts";
import { commandToken, operatorClaims, operatorSecret } from "./operator.ts";
import { cliActor } from "./operator-name.ts";
import { signToken } from "./sign.ts";
import { signWithKey } from "./sign-with-key.ts";

const folder = mkdtempSync(join(tmpdir(), "token-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [shared, staff] = ["j".repeat(32), "o".repeat(32)];
const envOf = (more: Record<string, string> = {}) =>
  ({ JWT_SECRET: shared, JWT_ISSUER: "shop", JWT_AUDIENCE: "gateway", ...more }) as unknown as StackEnv;
const payloadOf = async (token: string, secret: string) => (await jwtVerify(token, Buffer.from(secret))).payload;

test("the command line's own calls are an admin's, signed with the operators' secret where there is one", async () => {
  expect(await payloadOf(commandToken(envOf(), 60), shared)).toMatchObject({
    sub: cliActor(),
    iss: "shop",
    aud: "gateway",
    role: "operator",
    operator_role: "admin",
  });
  const apart = envOf({ OPERATOR_JWT_SECRET: staff, OPERATOR_JWT_ISSUER: "staff" });
  expect(await payloadOf(commandToken(apart, 60), staff)).toMatchObject({ iss: "staff", aud: "gateway" });
  expect(commandToken(envOf({ OPERATOR_TOKEN: "given" }), 60)).toBe("given");
});

test("an operator's token names its roles", async () => {
  const claims = operatorClaims(envOf(), "alice", ["seller", "treasurer"]);
  const token = signToken(operatorSecret(envOf()), { ...claims, expiresInS: 60 });
  expect((await payloadOf(token, shared)).operator_role).toEqual(["seller", "treasurer"]);
});

test.each(["EdDSA", "ES256", "RS256"] as const)("a private JWK of %s signs under its kid", async (algorithm) => {
  const key = await newIssuerKey(algorithm, "k1");
  const file = join(folder, `${algorithm}.jwk`);
  writeFileSync(file, JSON.stringify(key.privateJwk));
  const claims = { sub: "user-42", iss: "shop", aud: "gateway", expiresInS: 60 };
  const token = await signWithKey(file, claims);
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: algorithm, kid: "k1" });
  const { payload } = await jwtVerify(token, await importJWK(key.jwk, algorithm));
  expect(payload).toMatchObject({ sub: "user-42", iss: "shop" });
  expect(payload.exp! - payload.iat!).toBe(60);
});

test("a file that is no private key is refused without its text", async () => {
  const { jwk } = await newIssuerKey("EdDSA", "k1");
  const wrong: [string, string][] = [
    ["text", "hunter2"],
    ["null", "null"],
    ["public", JSON.stringify(jwk)],
    ["no kid", JSON.stringify({ ...jwk, kid: undefined, d: "hunter2" })],
    ["broken", JSON.stringify({ ...jwk, d: "hunter2" })],
  ];
  for (const [name, text] of wrong) {
    const file = join(folder, name);
    writeFileSync(file, text);
    const signing = signWithKey(file, { sub: "u", iss: "i", aud: "a", expiresInS: 1 });
    await expect(signing).rejects.toThrow(file);
    await expect(signing).rejects.not.toThrow("hunter");
  }
});
