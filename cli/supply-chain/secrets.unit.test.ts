import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { exportPKCS8, generateKeyPair, SignJWT } from "jose";
import { findSecrets } from "./secrets.ts";
import { scanRepository } from "./tracked.ts";

const kindsIn = (text: string) => findSecrets(text).map(({ kind }) => kind);
const random = (encoding: "base64" | "hex") => randomBytes(32).toString(encoding);

test("no file of the repository holds a secret, and no exception is left over", () => {
  const { findings, unused, files } = scanRepository(resolve(import.meta.dir, "../.."));
  expect(findings.map(({ file, line, kind }) => `${file}:${line} ${kind}`)).toEqual([]);
  expect(unused).toEqual([]);
  expect(files).toBeGreaterThan(500);
});

test("private keys and tokens are found wherever they stand", async () => {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const pem = await exportPKCS8(privateKey);
  const token = await new SignJWT({ role: "operator" }).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
  expect(kindsIn(`a\n${pem}`)).toEqual(["private key"]);
  expect(kindsIn(JSON.stringify({ pem }))).toEqual(["private key"]);
  expect(kindsIn(`curl -H "authorization: Bearer ${token}"`)).toEqual(["JWT"]);
  const jwk = JSON.stringify({ kty: "OKP", d: randomBytes(32).toString("base64url") });
  expect(findSecrets(`\n\n${jwk}`)).toMatchObject([{ line: 3, kind: "private JWK" }]);
});

test.each([
  ["AWS key", `AKIA${"Q7".repeat(8)}`],
  ["Google key", `AIza${"s".repeat(35)}`],
  ["GitHub token", `ghp_${"a1".repeat(18)}`],
  ["GitLab token", `glpat-${"a1".repeat(10)}`],
  ["npm token", `npm_${"a1".repeat(18)}`],
  ["Slack token", `xoxb-${"1".repeat(12)}`],
  ["Stripe key", `sk_live_${"a1".repeat(12)}`],
])("a %s is found by its form", (kind, text) => expect(kindsIn(`key = ${text}`)).toEqual([kind]));

test.each([
  ["in JSON", () => `{ "jwtSecret": "${random("base64")}" }`],
  ["in TypeScript", () => `const apiKey = "${random("hex")}";`],
  ["in an environment file", () => `A=1\nPAYMENT_WEBHOOK_SECRET=${random("hex")}\n`],
])("a random value of a name that says secret is found %s", (_, text) =>
  expect(kindsIn(text())).toEqual(["random value"]),
);

test("a random password in a URL is found", () => {
  expect(kindsIn(`postgres://stampede:${random("hex")}@db:5432/stampede`)).toEqual(["password in a URL"]);
});

test.each([
  'const secret = "integration-secret-with-32-bytes";',
  "JWT_SECRET=change-me-change-me-change-me-change-me",
  "postgres://user:password@localhost/stampede",
  "postgres://user:<password>@localhost/stampede",
  'import { readSecret } from "../secrets.ts";',
  "const token = createTokenWithOperatorRole(secretOfTheStack);",
  "sha256: e2984124f1514e1e6bbda20adedbf07a02c443c6a5828853a15c7c7abf78e19f",
  "-----BEGIN PUBLIC KEY-----",
])("%s is none", (text) => expect(findSecrets(text)).toEqual([]));
