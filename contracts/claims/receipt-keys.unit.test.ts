import { expect, test } from "bun:test";
import { newCouponId, newRequestId, requestTime, type UserId } from "../wire/ids.ts";
import { parseReceipt, type ReceiptKind, receiptPrefix, signedText, withHmac, withSignature } from "./receipt.ts";
import { faultOfReceipt, newReceiptKey, parseReceiptKeys, publishedKeys } from "./receipt-keys.ts";

const first = newReceiptKey("first", new Date("2027-01-01T00:00:00Z"));
const second = newReceiptKey("second", new Date("2028-01-01T00:00:00Z"));
const textOf = (...keys: unknown[]) => JSON.stringify({ keys });

test("keys are read in the order of their times, and published without their private parts", () => {
  const keys = parseReceiptKeys(textOf(second, first));
  expect(keys.map(({ id }) => id)).toEqual(["first", "second"]);
  const published = JSON.stringify(publishedKeys(keys));
  expect(published).not.toContain(first.d!);
  expect(published).not.toContain('"d"');
  expect(publishedKeys(keys).keys[0]).toEqual({
    kty: "OKP",
    crv: "Ed25519",
    alg: "EdDSA",
    use: "sig",
    kid: "first",
    x: first.x,
    notBefore: "2027-01-01T00:00:00.000Z",
  });
  expect(publishedKeys(parseReceiptKeys(published))).toEqual(publishedKeys(keys));
});

test.each([
  ["a name with a dot", textOf({ ...first, kid: "a.b" }), "key 1 has no `kid`"],
  ["no name", textOf(first, {}), "key 2 has no `kid`"],
  ["another curve", textOf({ ...first, crv: "X25519" }), "key first is no Ed25519 key"],
  ["a short public part", textOf({ ...first, x: "AAAA" }), "key first is no Ed25519 key"],
  ["a short private part", textOf({ ...first, d: "AAAA" }), "the private part `d` of key first is not 32 bytes"],
  ["no time", textOf({ ...first, notBefore: "2027" }), "key first has no `notBefore`"],
  ["one name twice", textOf(first, { ...second, kid: "first" }), "two keys have the `kid` first"],
  ["one time twice", textOf(first, { ...second, notBefore: first.notBefore }), "have the same `notBefore`"],
  ["null", "null", "it is not of the form"],
  ["a list of null", textOf(null), "key 1 has no `kid`"],
  ["no end", textOf(...Array(101).fill(first)), "it has more than 100 keys"],
])("a file with %s is refused", (_, text, why) => {
  expect(() => parseReceiptKeys(text)).toThrow(why);
});

test("a receipt is checked with the key that it names, and an HMAC only by who has the private key", () => {
  const keys = parseReceiptKeys(textOf(first, second));
  const { d: _, ...retired } = first;
  const published = parseReceiptKeys(textOf(retired));
  const { privateKey, hmacKey } = keys[0]!.secrets!;
  const requestId = newRequestId(newCouponId(), Date.now());
  const text = (prefix: string, kind: ReceiptKind) =>
    signedText(prefix, { kind, requestId, userId: "ann" as UserId, slot: null }, requestTime(requestId));
  const signed = parseReceipt(withSignature(privateKey, text(receiptPrefix("ed25519", "first"), "PENDING")))!;
  const mac = parseReceipt(withHmac(hmacKey, text(receiptPrefix("hs256", "first"), "PENDING")))!;
  const wrongName = parseReceipt(withSignature(privateKey, text(receiptPrefix("ed25519", "second"), "PENDING")))!;
  expect([signed, mac, wrongName].map((one) => faultOfReceipt(keys, one))).toEqual([null, null, "WRONG_SIGNATURE"]);
  expect([signed, mac, wrongName].map((one) => faultOfReceipt(published, one))).toEqual([
    null,
    "NEEDS_PRIVATE_KEY",
    "UNKNOWN_KEY",
  ]);
});
