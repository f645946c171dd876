import { describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair } from "jose";
import { jwksText, newIssuerKey } from "../../test/support/issuer.ts";
import { LARGEST_SET_BYTES, readJwks } from "./jwks.ts";

const ed = await newIssuerKey("EdDSA", "ed");
const ec = await newIssuerKey("ES256", "ec");
const rsa = await newIssuerKey("RS256", "rsa");
const oct = { kty: "oct", kid: "oct", k: Buffer.alloc(32, 7).toString("base64url") };

test("a set gives each key its one algorithm", async () => {
  const { keys, faults } = await readJwks(jwksText([ed, ec, rsa, oct]), true);
  expect(faults).toEqual([]);
  expect([...keys.values()].map(({ kid, algorithm }) => [kid, algorithm])).toEqual([
    ["ed", "EdDSA"],
    ["ec", "ES256"],
    ["rsa", "RS256"],
    ["oct", "HS256"],
  ]);
});

test("keys without `alg` and `use` get them from their type", async () => {
  const bare = [ed, ec, rsa].map(({ jwk: { alg, use, ...rest } }) => rest);
  const { keys } = await readJwks(jwksText(bare), false);
  expect([...keys.values()].map(({ algorithm }) => algorithm)).toEqual(["EdDSA", "ES256", "RS256"]);
});

test("a key that stays in its set stays the same object, and a changed key of the same kid does not", async () => {
  const first = await readJwks(jwksText([ed, ec]), false);
  const other = { ...(await newIssuerKey("ES256", "ec")).jwk };
  const second = await readJwks(jwksText([ed, other]), false, first.keys);
  expect(second.keys.get("ed")).toBe(first.keys.get("ed")!);
  expect(second.keys.get("ec")).not.toBe(first.keys.get("ec")!);
});

const weak = await generateKeyPair("RS256", { modulusLength: 2048, extractable: true });
const weakJwk = await exportJWK(weak.publicKey);

describe("a key is left out, with its reason, and the others are used", () => {
  test.each([
    ["a secret key from a URL", oct, "is a secret key"],
    ["a private Ed25519 key", ed.privateJwk, "is a private key"],
    ["a private RSA key", rsa.privateJwk, "is a private key"],
    ["a key for encryption", { ...rsa.jwk, use: "enc" }, "is not for signatures"],
    ["a key that may only sign", { ...ed.jwk, key_ops: ["sign"] }, "is not for verifying"],
    ["an RSA key of another algorithm", { ...rsa.jwk, alg: "PS256" }, "other than RS256"],
    ["an RSA key for HS256", { ...rsa.jwk, alg: "HS256" }, "other than RS256"],
    ["an EC key for EdDSA", { ...ec.jwk, alg: "EdDSA" }, "other than ES256"],
    ["another curve", { ...ec.jwk, crv: "P-384" }, "is not a P-256 key"],
    ["a point that is not on the curve", { ...ec.jwk, y: ec.jwk.x }, "is not a valid key"],
    ["X25519", { ...ed.jwk, crv: "X25519" }, "is not an Ed25519 key"],
    ["an RSA key of 1024 bits", { ...weakJwk, kid: "w", n: weakJwk.n!.slice(0, 171) }, "is an RSA key of 102"],
    [
      "an RSA key of 1 MB",
      { ...rsa.jwk, n: Buffer.alloc(9000, 255).toString("base64url") },
      "is an RSA key of 72000 bits",
    ],
    ["the exponent 1", { ...rsa.jwk, e: "AQ" }, "has an RSA exponent other than 65537"],
    ["no kid", { ...ed.jwk, kid: undefined }, "has no `kid`"],
    ["an empty kid", { ...ed.jwk, kid: "" }, "has no `kid`"],
    ["a long kid", { ...ed.jwk, kid: "x".repeat(257) }, "has no `kid`"],
    ["the kid of another key", { ...ec.jwk, kid: "good" }, "has the `kid` of another key"],
    ["an unknown type", { kid: "x", kty: "AKP" }, "has a type (`kty`) other than"],
    ["no object", 7 as never, "is not an object"],
    ["null", null as never, "is not an object"],
  ])("%s", async (_, jwk, fault) => {
    const good = { ...rsa.jwk, kid: "good" };
    const text = JSON.stringify({ keys: [good, jwk] });
    const { keys, faults } = await readJwks(text, false);
    expect([...keys.keys()]).toEqual(["good"]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toStartWith("key 2 of 2");
    expect(faults[0]).toContain(fault);
  });
});

test("a fault never repeats a member of a key", async () => {
  const { faults } = await readJwks(jwksText([ed.privateJwk, { ...oct, k: "aHVudGVy" }]), true);
  expect(faults).toHaveLength(2);
  expect(faults.join()).not.toContain(ed.privateJwk.d!);
  expect(faults.join()).not.toContain("aHVudGVy");
});

test.each([
  ["text", "hunter2", "not JSON"],
  ["no set", '{"kty":"OKP"}', "not a JWK Set"],
  ["null", "null", "not a JWK Set"],
  ["too many keys", JSON.stringify({ keys: Array(65).fill({}) }), "65 keys"],
  ["a large text", JSON.stringify({ keys: [], pad: "x".repeat(LARGEST_SET_BYTES) }), "larger than"],
])("%s is no set", async (_, text, why) => {
  await expect(readJwks(text, true)).rejects.toThrow(why);
});

test("a kid is a name and nothing else", async () => {
  const kids = ["__proto__", "constructor", "../../dev/null", "' OR 1=1 --", "a\0b", "🔑"];
  const { keys, faults } = await readJwks(jwksText(kids.map((kid) => ({ ...ed.jwk, kid }))), false);
  expect(faults).toEqual([]);
  expect([...keys.keys()]).toEqual(kids);
});
