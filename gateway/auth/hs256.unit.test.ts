import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { StampedeError } from "../../contracts/errors.ts";
import { claimedSubject, createAuthenticate } from "./hs256.ts";

const secret = "a secret of at least thirty-two bytes";
const authenticate = createAuthenticate({ secret, issuer: "stampede", audience: "stampede" });
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

function token(claims: object, header: object = { alg: "HS256", typ: "JWT" }, key = secret): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}
const claims = (more: object = {}) => ({ sub: "user-1", iss: "stampede", aud: "stampede", exp: inAnHour(), ...more });

function codeOf(text: string): string {
  try {
    authenticate(text);
    return "accepted";
  } catch (error) {
    return (error as StampedeError).code;
  }
}

test("a token we signed names its user, role and expiry", () => {
  const exp = inAnHour();
  expect(authenticate(token(claims({ exp, role: "operator" })))).toEqual({
    userId: "user-1" as never,
    role: "operator",
    expiresAt: exp * 1000,
  });
  expect(authenticate(token(claims({ aud: ["other", "stampede"] }))).role).toBeNull();
});

test.each([
  ["no JWT", "hello", "TOKEN_INVALID"],
  ["two parts", "a.b", "TOKEN_INVALID"],
  ["four parts", `${token(claims())}.x`, "TOKEN_INVALID"],
  ["alg none", `${part({ alg: "none" })}.${part(claims())}.`, "TOKEN_INVALID"],
  ["alg HS512 signed as HS256", token(claims(), { alg: "HS512" }), "TOKEN_INVALID"],
  ["critical extensions", token(claims(), { alg: "HS256", crit: ["b64"] }), "TOKEN_INVALID"],
  ["a header that is not JSON", `xx.${part(claims())}.yy`, "TOKEN_INVALID"],
  ["somebody else's key", token(claims(), undefined, "forged"), "TOKEN_INVALID"],
  ["another audience", token(claims({ aud: "other" })), "TOKEN_INVALID"],
  ["another issuer", token(claims({ iss: "other" })), "TOKEN_INVALID"],
  ["no expiry", token({ sub: "u", iss: "stampede", aud: "stampede" }), "TOKEN_INVALID"],
  ["an expiry that is text", token(claims({ exp: "never" })), "TOKEN_INVALID"],
  ["expired", token(claims({ exp: 1_000 })), "TOKEN_EXPIRED"],
  ["not yet valid", token(claims({ nbf: inAnHour() })), "TOKEN_INVALID"],
  ["a subject with a space", token(claims({ sub: "a b" })), "TOKEN_INVALID"],
  ["a subject of 65 characters", token(claims({ sub: "x".repeat(65) })), "TOKEN_INVALID"],
  ["a subject that is a number", token(claims({ sub: 7 })), "TOKEN_INVALID"],
  ["a payload that is a list", token([1] as object), "TOKEN_INVALID"],
  ["5 kB", token(claims({ pad: "x".repeat(5000) })), "TOKEN_INVALID"],
])("refused: %s", (_, text, code) => {
  expect(codeOf(text)).toBe(code);
});

test("a signature with one character changed is refused", () => {
  const good = token(claims());
  const at = good.length - 10;
  expect(codeOf(good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1))).toBe("TOKEN_INVALID");
});

test("the claimed subject is read without any trust, and rubbish has none", () => {
  expect(claimedSubject(token(claims(), undefined, "forged"))).toBe("user-1");
  expect(claimedSubject("rubbish")).toBeUndefined();
  expect(claimedSubject("a.!!!.c")).toBeUndefined();
  expect(claimedSubject(token(claims({ sub: 7 })))).toBeUndefined();
});

test("the claimed subject is the one that verification would find, however the payload is written", () => {
  const written = (payload: string) => `h.${Buffer.from(payload).toString("base64url")}.s`;
  expect(claimedSubject(written('{"act":{"sub":"other"},"sub":"user-1"}'))).toBe("user-1");
  expect(claimedSubject(written('{"sub":"user-1","act":{"sub":"other"}}'))).toBe("user-1");
  expect(claimedSubject(written('{"sub":"other","sub":"user-1"}'))).toBe("user-1");
  expect(claimedSubject(written('{"s\\u0075b":"user-1"}'))).toBe("user-1");
  expect(claimedSubject(written('{ "sub" : "user-1" }'))).toBe("user-1");
  expect(claimedSubject(written('{"note":"\\"sub\\":\\"x","sub":"user-1"}'))).toBe("user-1");
  expect(claimedSubject(`h.${"x".repeat(5000)}.s`)).toBeUndefined();
});
