import { expect, test } from "bun:test";
import { jwtVerify } from "jose";
import { signToken } from "./sign.ts";

const SECRET = "a secret that is long enough for HS256 keys";
const claims = { sub: "user-42", iss: "stampede", aud: "stampede" };
const verify = (token: string, secret = SECRET) =>
  jwtVerify(token, Buffer.from(secret), { issuer: "stampede", audience: "stampede", algorithms: ["HS256"] });

test("another implementation accepts the token and finds the claims in it", async () => {
  const token = signToken(SECRET, { ...claims, role: "operator", expiresInS: 60 });
  const { payload } = await verify(token);
  expect(payload).toMatchObject({ sub: "user-42", role: "operator" });
  expect(payload.exp! - payload.iat!).toBe(60);
});

test("a user's token has no role", async () => {
  const { payload } = await verify(signToken(SECRET, { ...claims, role: undefined, expiresInS: 60 }));
  expect("role" in payload).toBe(false);
});

test("an expired token and one of another secret are refused", async () => {
  expect(verify(signToken(SECRET, { ...claims, expiresInS: -1 }))).rejects.toThrow(/exp/);
  expect(verify(signToken(SECRET, { ...claims, expiresInS: 60 }), "another secret, just as long")).rejects.toThrow();
});
