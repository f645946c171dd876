import { expect, spyOn, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { StampedeError } from "../../contracts/wire/errors.ts";
import { jwksText, newIssuerKey } from "../../test/support/issuer.ts";
import { type Blocked, createAuthenticate, type KeyGroup, sharedSecret } from "./authenticate.ts";
import { claimedSubject } from "./claimed-subject.ts";
import type { Realm } from "./claims.ts";
import type { Identity } from "./identity.ts";
import { readJwks } from "./jwks.ts";
import type { KeySource } from "./key-source.ts";
import { rolesOfOperatorToken, rolesOfSharedToken } from "./roles.ts";

const secret = "a secret of at least thirty-two bytes";
const customers: Realm = {
  issuer: "stampede",
  audience: "stampede",
  maxAgeS: 0,
  isCustomer: true,
  rolesOf: ({ role, operator_role }) => rolesOfSharedToken(role, operator_role),
};
const operators: Realm = {
  ...customers,
  issuer: "staff",
  isCustomer: false,
  rolesOf: ({ operator_role }) => rolesOfOperatorToken(operator_role),
};
const group = (more: Partial<KeyGroup> = {}): KeyGroup => {
  return { secret: sharedSecret(secret), sources: [], realms: [customers], ...more };
};
const authenticate = createAuthenticate([group()]) as (token: string) => Identity;
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
    isCustomer: true,
    tokenId: null,
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

test("a kid is not looked at where there is only the shared secret", () => {
  expect(codeOf(token(claims(), { alg: "HS256", kid: "whatever" }))).toBe("accepted");
  expect(codeOf(token(claims(), { alg: "HS256", kid: 7 }))).toBe("TOKEN_INVALID");
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

/** What a promise or a throw ends with. */
async function outcome(run: () => Identity | Promise<Identity>): Promise<string> {
  try {
    return (await run()).userId;
  } catch (error) {
    return (error as StampedeError).code;
  }
}

const ed = await newIssuerKey("EdDSA", "ed");
const ec = await newIssuerKey("ES256", "ec");
const rsa = await newIssuerKey("RS256", "rsa");
const octSecret = Buffer.alloc(32, 7);
const oct = { kty: "oct", kid: "oct", k: octSecret.toString("base64url") };

/** A source whose keys a test replaces, as a file or a URL would. */
async function sourceOf(...keys: Parameters<typeof jwksText>[0][number][]) {
  let set = await readJwks(jwksText(keys), true);
  const source = {
    isFailing: false as boolean,
    find: (kid: string) => set.keys.get(kid),
    refetch: (): Promise<void> | undefined => undefined,
    stop() {},
    async publish(...next: Parameters<typeof jwksText>[0][number][]) {
      const after = await readJwks(jwksText(next), true, set.keys);
      for (const [kid, key] of set.keys) if (after.keys.get(kid) !== key) key.isRetired = true;
      set = after;
    },
  } satisfies KeySource & { publish: unknown };
  return source;
}
const source = await sourceOf(ed, ec, rsa, oct);
const many = createAuthenticate([group({ sources: [source] })]);

test("tokens of every algorithm are accepted: by a promise at first, at once later", async () => {
  for (const key of [ed, ec, rsa]) {
    const one = await key.sign("user-1");
    const first = many(one);
    expect(first).toBeInstanceOf(Promise);
    expect(many(one)).toBe(first); // the same token at the same moment is verified once
    const identity = await first;
    expect(identity).toMatchObject({ userId: "user-1", roles: [], isCustomer: true });
    expect(many(one)).toBe(identity);
  }
});

test("the shared secret still signs tokens without a kid, and a secret of the set those with its kid", () => {
  expect(many(token(claims()))).toMatchObject({ userId: "user-1" });
  expect(many(token(claims(), { alg: "HS256", kid: "oct" }, octSecret as never))).toMatchObject({ userId: "user-1" });
});

const b64 = (text: string) => Buffer.from(text).toString("base64url");
const resigned = async (key: typeof ed, header: object) => {
  const [, payload, signature] = (await key.sign("user-1")).split(".");
  return `${part(header)}.${payload}.${signature}`;
};

test("a key is good for its one algorithm only", async () => {
  const refused: Record<string, string> = {
    "HS256 signed with the RSA key's PEM, under its kid": token(claims(), { alg: "HS256", kid: "rsa" }, rsa.pem),
    "HS256 signed with the RSA key's PEM, without a kid": token(claims(), { alg: "HS256" }, rsa.pem),
    "HS256 signed with the Ed25519 key's bytes": token(
      claims(),
      { alg: "HS256", kid: "ed" },
      Buffer.from(ed.jwk.x!, "base64url") as never,
    ),
    "HS256 signed with the shared secret, under a public key's kid": token(claims(), { alg: "HS256", kid: "ec" }),
    "HS256 signed with the shared secret, under a kid of the set's secret": token(claims(), {
      alg: "HS256",
      kid: "oct",
    }),
    "HS256 signed with the shared secret, under an unknown kid": token(claims(), { alg: "HS256", kid: "other" }),
    "HS256 signed with the set's secret, without its kid": token(claims(), { alg: "HS256" }, octSecret as never),
    "an empty HMAC key": token(claims(), { alg: "HS256", kid: "ed" }, ""),
    "alg none with a kid": `${part({ alg: "none", kid: "ed" })}.${part(claims())}.`,
    "alg nOnE": `${part({ alg: "nOnE", kid: "ed" })}.${part(claims())}.`,
    "RS256 under the kid of the EC key": await rsa.sign("user-1", {}, { kid: "ec" }),
    "EdDSA under the kid of the RSA key": await ed.sign("user-1", {}, { kid: "rsa" }),
    "another RSA key under the same kid": await (await newIssuerKey("RS256", "rsa")).sign("user-1"),
    "no kid": await ed.sign("user-1", {}, { kid: undefined }),
    "an unknown kid": await ed.sign("user-1", {}, { kid: "nobody" }),
    "a kid that is a path": await ed.sign("user-1", {}, { kid: "../../../dev/null" }),
    "a kid that is a member of objects": await ed.sign("user-1", {}, { kid: "__proto__" }),
    "a kid that is a list": await resigned(ed, { alg: "EdDSA", kid: ["ed"] }),
    RS512: await resigned(rsa, { alg: "RS512", kid: "rsa" }),
    "Ed25519 where the key says EdDSA": await resigned(ed, { alg: "Ed25519", kid: "ed" }),
    "a critical extension that jose knows": await resigned(ed, { alg: "EdDSA", kid: "ed", crit: ["b64"], b64: true }),
    "a header that is changed": await resigned(ed, { alg: "EdDSA", kid: "ed", typ: "x" }),
    "the key in the header": await (await newIssuerKey("EdDSA", "mine")).sign(
      "user-1",
      {},
      { kid: undefined, jwk: ed.jwk },
    ),
    "a signature of zeros": `${b64('{"alg":"ES256","kid":"ec"}')}.${part(claims())}.${Buffer.alloc(64).toString("base64url")}`,
    "no signature": `${b64('{"alg":"EdDSA","kid":"ed"}')}.${part(claims())}.`,
    "another payload": await ed.sign("user-1").then((good) => {
      const [head, , signature] = good.split(".");
      return `${head}.${part(claims({ sub: "user-2" }))}.${signature}`;
    }),
    "another issuer": await ed.sign("user-1", { iss: "other" }),
    "another audience": await ec.sign("user-1", { aud: "other" }),
    "a subject with a space": await rsa.sign("user 1"),
  };
  const outcomes = await Promise.all(
    Object.entries(refused).map(async ([name, one]) => [name, await outcome(() => many(one))]),
  );
  expect(outcomes).toEqual(Object.keys(refused).map((name) => [name, "TOKEN_INVALID"]));
});

test("an address of a key in the header is never asked", async () => {
  let asked = 0;
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(String(++asked)) });
  const place = `http://127.0.0.1:${server.port}/`;
  const mine = await newIssuerKey("EdDSA", "mine");
  for (const header of [{ jku: place }, { x5u: place }, { jku: place, kid: undefined }]) {
    const one = await mine.sign("user-1", {}, header);
    expect(await outcome(() => many(one))).toBe("TOKEN_INVALID");
  }
  expect(asked).toBe(0);
  await server.stop(true);
});

test("a token is refused from its end on, also from memory", async () => {
  const soon = await ed.sign("user-1", { exp: Date.now() / 1000 - 4.7 }); // with the leeway of 5 s: 0.3 s from now
  expect(await outcome(() => many(soon))).toBe("user-1");
  expect(many(soon)).not.toBeInstanceOf(Promise);
  await Bun.sleep(500);
  expect(await outcome(() => many(soon))).toBe("TOKEN_EXPIRED");
  expect(await outcome(() => many(soon))).toBe("TOKEN_EXPIRED");
});

test("a rotation: the new key is accepted beside the old one, and then alone, remembered tokens included", async () => {
  const next = await newIssuerKey("ES256", "next");
  const rotating = await sourceOf(ec);
  const gateway = createAuthenticate([group({ sources: [rotating] })]);
  const [old, fresh] = [await ec.sign("user-1"), await next.sign("user-2")];
  expect(await outcome(() => gateway(old))).toBe("user-1");
  expect(await outcome(() => gateway(fresh))).toBe("TOKEN_INVALID");
  await rotating.publish(ec, next);
  expect(gateway(old)).toMatchObject({ userId: "user-1" }); // from memory: its key is the same
  expect(await outcome(() => gateway(fresh))).toBe("user-2");
  await rotating.publish(next);
  expect(await outcome(() => gateway(old))).toBe("TOKEN_INVALID");
  expect(await outcome(() => gateway(fresh))).toBe("user-2");
});

test("an unknown kid waits for a fetch; where the issuer does not answer, nobody says that the token is wrong", async () => {
  const next = await newIssuerKey("EdDSA", "next");
  const fetching = await sourceOf(ed);
  let fetches = 0;
  fetching.refetch = () => {
    fetches++;
    return fetching.publish(ed, next);
  };
  const gateway = createAuthenticate([group({ sources: [fetching] })]);
  const fresh = await next.sign("user-1");
  expect(await outcome(() => gateway(fresh))).toBe("user-1");
  expect(fetches).toBe(1);
  // A known key of another algorithm, HS256 and tokens without a kid cause none.
  for (const one of [
    await rsa.sign("u", {}, { kid: "ed" }),
    token(claims(), { alg: "HS256", kid: "x" }),
    await ed.sign("u", {}, { kid: undefined }),
  ]) {
    expect(await outcome(() => gateway(one))).toBe("TOKEN_INVALID");
  }
  expect(fetches).toBe(1);
  fetching.isFailing = true;
  expect(await outcome(() => gateway(token({}, { alg: "ES256", kid: "newer" })))).toBe("KEYS_UNAVAILABLE");
  expect(await outcome(() => gateway(fresh))).toBe("user-1");
});

test("signatures that are verified at once, and requests that wait for keys, are limited", async () => {
  const slow = await sourceOf(ed);
  let release = () => {};
  const fetched = new Promise<void>((resolve) => {
    release = resolve;
  });
  slow.refetch = () => fetched;
  const gateway = createAuthenticate([group({ sources: [slow] })]);
  const unknown = Array.from({ length: 300 }, (_, n) => token(claims({ n }), { alg: "EdDSA", kid: `new-${n}` }));
  const outcomes = unknown.map((one) => outcome(() => gateway(one)));
  await Bun.sleep(1);
  release();
  const counted = Map.groupBy(await Promise.all(outcomes), (code) => code);
  expect(counted.get("KEYS_UNAVAILABLE")?.length).toBe(300 - 256);
  const bad = Array.from({ length: 2_100 }, (_, n) => token(claims({ n }), { alg: "EdDSA", kid: "ed" }));
  const refused = Map.groupBy(await Promise.all(bad.map((one) => outcome(() => gateway(one)))), (code) => code);
  expect(refused.get("OVERLOADED")?.length).toBe(100);
  expect(await outcome(async () => gateway(await ed.sign("user-1")))).toBe("user-1");
});

const aged = createAuthenticate([group({ sources: [source], realms: [{ ...customers, maxAgeS: 60 }] })]) as (
  token: string,
) => Identity;
test("with a maximum age a token needs `iat`, and ends that long after it", async () => {
  const now = Date.now() / 1000;
  const at = (more: object) => outcome(() => aged(token(claims(more))));
  expect(await at({})).toBe("TOKEN_INVALID");
  expect(await at({ iat: now })).toBe("user-1");
  expect(await at({ iat: now - 64 })).toBe("user-1");
  expect(await at({ iat: now - 66 })).toBe("TOKEN_EXPIRED");
  expect(await at({ iat: now + 60 })).toBe("TOKEN_INVALID");
  expect(aged(token(claims({ iat: now }))).expiresAt).toBeCloseTo((now + 65) * 1000, 0);
  expect(aged(token(claims({ iat: now, exp: now + 10 }))).expiresAt).toBeCloseTo((now + 15) * 1000, 0);
  expect(await outcome(async () => aged(await rsa.sign("user-1", { iat: Math.floor(now) - 70 })))).toBe(
    "TOKEN_EXPIRED",
  );
});

test("operators with keys apart: customers' keys make no operators, and theirs no customers", async () => {
  const staffSecret = "the secret of operators, long enough";
  const staffKey = await newIssuerKey("EdDSA", "ed"); // even of the same kid
  const staff = { ...operators, issuer: "stampede" };
  const apart = createAuthenticate([
    group({ sources: [source], realms: [{ ...customers, rolesOf: () => [] }] }),
    { secret: sharedSecret(staffSecret), sources: [await sourceOf(staffKey)], realms: [staff] },
  ]);
  const roles = { role: "operator", operator_role: "admin" };
  expect(await apart(token(claims(roles)))).toMatchObject({ roles: [], isCustomer: true });
  expect(await apart(await ed.sign("user-1", roles))).toMatchObject({ roles: [], isCustomer: true });
  expect(await apart(token(claims(roles), undefined, staffSecret))).toMatchObject({
    roles: ["admin"],
    isCustomer: false,
  });
  expect(await apart(token(claims({ role: "operator" }), undefined, staffSecret))).toMatchObject({ roles: [] });
  expect(await apart(await staffKey.sign("op", { operator_role: "viewer" }))).toMatchObject({
    roles: ["viewer"],
    isCustomer: false,
  });
});

test("operators with the same keys and another issuer are told apart by it", async () => {
  const shared = createAuthenticate([group({ realms: [{ ...customers, rolesOf: () => [] }, operators] })]);
  const roles = { operator_role: ["seller"], role: "operator" };
  expect(shared(token(claims(roles)))).toMatchObject({ roles: [], isCustomer: true });
  expect(shared(token(claims({ ...roles, iss: "staff" })))).toMatchObject({ roles: ["seller"], isCustomer: false });
  expect(await outcome(() => shared(token(claims({ iss: "staff", aud: "other" }))))).toBe("TOKEN_INVALID");
});

test("blocked users and tokens are refused, whatever verified them, also from memory", async () => {
  const users = new Set<string>();
  const tokens = new Set<string>();
  const blocked: Blocked = { hasUser: (userId) => users.has(userId), hasToken: (id) => tokens.has(id) };
  const gateway = createAuthenticate([group({ sources: [source] })], blocked);
  const [mac, signed] = [token(claims({ jti: "t1" })), await ed.sign("user-1", { jti: "t2" })];
  const both = async () => [await outcome(() => gateway(mac)), await outcome(() => gateway(signed))];
  expect(await both()).toEqual(["user-1", "user-1"]);
  tokens.add("t1").add("t2");
  expect(await both()).toEqual(["TOKEN_REVOKED", "TOKEN_REVOKED"]);
  tokens.delete("t2");
  expect(await both()).toEqual(["TOKEN_REVOKED", "user-1"]);
  users.add("user-1");
  expect(await both()).toEqual(["USER_BLOCKED", "USER_BLOCKED"]);
  expect(await outcome(async () => gateway(await ec.sign("user-1")))).toBe("USER_BLOCKED");
  users.clear();
  expect(await both()).toEqual(["TOKEN_REVOKED", "user-1"]);
});

test("headers that strangers invent do not use up the memory for those of the issuer", async () => {
  const own = createAuthenticate([group({ sources: [await sourceOf(ed)] })]);
  for (let n = 0; n < 200; n++) {
    const forged = token(claims(), { alg: n % 2 === 0 ? "HS256" : "none", n }, "another secret of thirty-two bytes");
    expect(() => own(forged)).toThrow();
  }
  const good = token(claims());
  await own(good);
  const parse = spyOn(JSON, "parse");
  await own(good);
  expect(parse).toHaveBeenCalledTimes(1); // the payload
  parse.mockRestore();
});
