import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { readEnvironment } from "../../contracts/wire/environment.ts";
import { AuthEnvironment, authConfigOf } from "./environment.ts";

const JWT_SECRET = "j".repeat(32);
const OPERATOR_JWT_SECRET = "o".repeat(32);
const config = (environment: Record<string, string>) =>
  authConfigOf(readEnvironment(Type.Object(AuthEnvironment), environment));

test("a secret alone is what it always was: one issuer for customers and operators", () => {
  expect(config({ JWT_SECRET })).toMatchObject({
    customers: { issuer: "stampede", audience: "stampede" },
    operators: null,
    maxAgeS: 0,
  });
});

test("a JWKS may replace the secret", () => {
  expect(config({ JWT_JWKS_FILE: "/keys.json" }).customers.keys.file.path).toBe("/keys.json");
  expect(config({ JWT_JWKS_URL: "https://issuer.example/jwks" }).customers.keys.url).toContain("issuer");
});

test("operators are apart by keys, issuer or audience; what is not set is as for customers", () => {
  expect(config({ JWT_SECRET, OPERATOR_JWT_SECRET }).operators).toMatchObject({ issuer: "stampede", keys: {} });
  expect(config({ JWT_SECRET, OPERATOR_JWT_ISSUER: "staff" }).operators).toMatchObject({
    issuer: "staff",
    audience: "stampede",
    keys: null,
  });
  expect(config({ JWT_SECRET, OPERATOR_JWT_AUDIENCE: "admin" }).operators).toMatchObject({ audience: "admin" });
});

const SHARED_URL = { JWT_JWKS_URL: "https://issuer.example/a", OPERATOR_JWT_JWKS_URL: "https://issuer.example/a" };
const SHARED_FILE = { JWT_JWKS_FILE: "/keys.json", OPERATOR_JWT_JWKS_FILE: "/keys.json" };

test.each([
  [{}, "JWT_SECRET is missing"],
  [{ OPERATOR_JWT_SECRET }, "JWT_SECRET is missing"],
  [{ JWT_SECRET, OPERATOR_JWT_SECRET: JWT_SECRET }, "OPERATOR_JWT_SECRET: must not be JWT_SECRET"],
  [{ JWT_SECRET, OPERATOR_JWT_ISSUER: "stampede" }, "one must differ"],
  [{ ...SHARED_URL, OPERATOR_JWT_ISSUER: "staff" }, "OPERATOR_JWT_JWKS_URL: must not be JWT_JWKS_URL; leave it out"],
  [{ ...SHARED_FILE, OPERATOR_JWT_AUDIENCE: "x" }, "OPERATOR_JWT_JWKS_FILE: must not be JWT_JWKS_FILE; leave it out"],
  [{ JWT_SECRET, JWT_JWKS_URL: "http://issuer.example/jwks" }, "JWT_JWKS_URL: must be https"],
  [{ JWT_SECRET, OPERATOR_JWT_JWKS_URL: "https://u:p@issuer.example/" }, "OPERATOR_JWT_JWKS_URL: must be https"],
])("%j does not start", (environment, why) => {
  expect(() => config(environment as Record<string, string>)).toThrow(why);
});
