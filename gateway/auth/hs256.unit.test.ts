import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { StampedeError } from "../../contracts/wire/errors.ts";
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
    roles: ["admin"],
    expiresAt: (exp + 5) * 1000, // the leeway included
  });
  expect(authenticate(token(claims({ aud: ["other", "stampede"] }))).roles).toEqual([]);
});

test.each([
  ["no JWT", "hello", "TOKEN_INVALID"],
  ["two parts", "a.b", "TOKEN_INVALID"],
  ["four parts", `${token(claims())}.x`, "TOKEN_INVALID"],
  ["alg none", `${part({ alg: "none" })}.${part(claims())}.`, "TOKEN_INVALID"],
  ["alg HS512 signed as HS256", token(claims(), { alg: "HS512" }), "TOKEN_INVALID"],
  ["critical extensions", token(claims(), { alg: "HS256", crit: ["b64"] }), "TOKEN_INVALID"],
  ["a header that is not JSON", `xx.${part(claims())}.yy`, "TOKEN_INVALID"],
  ["another key", token(claims(), undefined, "forged"), "TOKEN_INVALID"],
  ["another audience", token(claims({ aud: "other" })), "TOKEN_INVALID"],
  ["another issuer", token(claims({ iss: "other" })), "TOKEN_INVALID"],
  ["no expiry", token({ sub: "u", iss: "stampede", aud: "stampede" }), "TOKEN_INVALID"],
  ["an expiry that is text", token(claims({ exp: "never" })), "TOKEN_INVALID"],
  ["expired", token(claims({ exp: 1_000 })), "TOKEN_EXPIRED"],
  ["not yet valid", token(claims({ nbf: inAnHour() })), "TOKEN_INVALID"],
  ["a subject with a space", token(claims({ sub: "a b" })), "TOKEN_INVALID"],
  ["a subject of 129 characters", token(claims({ sub: "x".repeat(129) })), "TOKEN_INVALID"],
  ["a subject with a line break", token(claims({ sub: "ann\n" })), "TOKEN_INVALID"],
  ["a subject that is not ASCII", token(claims({ sub: "anna-é" })), "TOKEN_INVALID"],
  ["an empty subject", token(claims({ sub: "" })), "TOKEN_INVALID"],
  ...["{", "}", '"', "'", "\\", " ", "\t", "\0", "\x7f"].map(
    (character) =>
      [
        `a subject with ${JSON.stringify(character)}`,
        token(claims({ sub: `a${character}b` })),
        "TOKEN_INVALID",
      ] as const,
  ),
  ["nbf as text", token(claims({ nbf: "0" })), "TOKEN_INVALID"],
  ["nbf that is null", token(claims({ nbf: null })), "TOKEN_INVALID"],
  ["iat as text", token(claims({ iat: "yesterday" })), "TOKEN_INVALID"],
  ["iat as a list", token(claims({ iat: [1] })), "TOKEN_INVALID"],
  ["exp that is true", token(claims({ exp: true })), "TOKEN_INVALID"],
  ["expired by more than the leeway", token(claims({ exp: Date.now() / 1000 - 6 })), "TOKEN_EXPIRED"],
  ["not valid before more than the leeway", token(claims({ nbf: Date.now() / 1000 + 60 })), "TOKEN_INVALID"],
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

test("clocks may differ by the leeway, both ways", () => {
  const now = Date.now() / 1000;
  expect(codeOf(token(claims({ exp: now - 1 })))).toBe("accepted");
  expect(codeOf(token(claims({ nbf: now + 3, iat: now })))).toBe("accepted");
});

test.each([
  "auth0|5f7c8ec7c33c6c004bbafe82",
  "o.brien+sale@example.com",
  "a:b,c*d?e[f]#g%h/i&j=k;l<m>n~!$()^`-_@",
  "x".repeat(128),
])("%s is a user", (sub) => {
  const good = token(claims({ sub }));
  expect(authenticate(good).userId).toBe(sub as never);
  expect(claimedSubject(good)).toBe(sub);
});

test("a signature has one spelling: no padding, no junk behind it, no unused bits, no look-alikes", () => {
  const good = token(claims());
  const [head, payload, signature] = good.split(".") as [string, string, string];
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = ALPHABET.indexOf(signature.at(-1)!);
  const spellings = [
    `${signature}=`,
    `${signature}==`,
    `${signature}!`,
    `${signature} `,
    `${signature}A`,
    `${signature.slice(0, 10)}\n${signature.slice(10)}`,
    signature.slice(0, -1) + ALPHABET[last + 1],
    signature.slice(0, -1) + ALPHABET[last + 3],
    signature.slice(0, -1),
    String.fromCharCode(signature.charCodeAt(0) + 0x100) + signature.slice(1),
    "",
  ];
  for (const spelling of spellings) expect(codeOf(`${head}.${payload}.${spelling}`)).toBe("TOKEN_INVALID");
  const plus = Array.from({ length: 200 }, (_, n) => token(claims({ n }))).find((one) =>
    /[-_]/.test(one.split(".")[2]!),
  )!;
  const standard = plus.split(".")[2]!.replaceAll("-", "+").replaceAll("_", "/");
  expect(codeOf(`${plus.slice(0, plus.lastIndexOf("."))}.${standard}`)).toBe("TOKEN_INVALID");
  expect(codeOf(good)).toBe("accepted");
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
