import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { newCouponId, newRequestId, requestTime, saleOfRequest, type UserId } from "../wire/ids.ts";
import {
  isMadeWith,
  isSignedBy,
  isV1ReceiptOf,
  parseReceipt,
  type ReceiptFacts,
  type ReceiptKind,
  receiptHmacKey,
  receiptPrefix,
  signedText,
  v1Key,
  v1Receipt,
  withHmac,
  withSignature,
} from "./receipt.ts";
import { newReceiptKey, parseReceiptKeys } from "./receipt-keys.ts";

// The private key of RFC 8032, 7.1, test 1: documents and other implementations can repeat what is written here.
const RFC_KEY = {
  kty: "OKP",
  crv: "Ed25519",
  kid: "rfc8032",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  notBefore: "2025-01-01T00:00:00Z",
};
const [key] = parseReceiptKeys(JSON.stringify({ keys: [RFC_KEY] }));
const { privateKey, hmacKey } = key!.secrets!;
const requestId = newRequestId("7qj4x0m2kd9a" as never, Date.UTC(2027, 0, 1));
const facts: ReceiptFacts = { kind: "ISSUED", requestId, userId: "auth0|5.f7c" as UserId, slot: 17 };
const text = (one: ReceiptFacts, algorithm: "ed25519" | "hs256" = "ed25519") =>
  signedText(receiptPrefix(algorithm, key!.id), one, requestTime(one.requestId));
const signed = withSignature(privateKey, text(facts));

describe("the form", () => {
  test("is the one of docs/receipts.md, byte by byte", () => {
    const example = { ...facts, requestId: "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd" as never, userId: "user-42" as UserId };
    expect(withSignature(privateKey, text(example))).toBe(
      "v2.ed25519.rfc8032.ISSUED.7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd.1795415559453.17.user-42.kYYRTJWUUq7_3lF5Gvvu5m3s90UhkveSQ0bgc_6Sv1G2hvV0NsUIORy44AyzJ9ab9UAkxxO60ujKuGkgOZsfDA",
    );
    const claimed = { ...example, kind: "ACCEPTED", slot: null } as const;
    expect(withHmac(hmacKey, text(claimed, "hs256"))).toBe(
      "v2.hs256.rfc8032.ACCEPTED.7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd.1795415559453.-.user-42.ijSPaKAbp6JahyuLjTIZoovG7T78DCkiZ5ICdeEGfT0",
    );
  });

  test("carries all facts back, for every user id, with and without a slot", () => {
    const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
    const userId = fc
      .array(fc.constantFrom(...characters.filter((one) => !`"'\\{}`.includes(one))), { minLength: 1, maxLength: 128 })
      .map((all) => all.join("") as UserId);
    const kind = fc.constantFrom<ReceiptKind>("ACCEPTED", "PENDING", "ISSUED");
    fc.assert(
      fc.property(userId, kind, fc.integer({ min: 1, max: 10_000_000 }), (user, of, number) => {
        const slot = of === "ISSUED" ? number : null;
        const one: ReceiptFacts = { kind: of, requestId, userId: user, slot };
        expect(parseReceipt(withSignature(privateKey, text(one)))).toMatchObject({
          ...one,
          algorithm: "ed25519",
          keyId: "rfc8032",
          couponId: saleOfRequest(requestId),
          time: Date.UTC(2027, 0, 1),
        });
      }),
      { numRuns: 200 },
    );
  });

  const parts = signed.split(".");
  const signature = parts.at(-1)!;
  test.each([
    ["nothing", ""],
    ["version 1", `v1.1.${signature}`],
    ["another version", signed.replace(/^v2/, "v3")],
    ["another algorithm", signed.replace("ed25519", "none")],
    ["a line more", `${signed}\n`],
    ["a space before", ` ${signed}`],
    ["no signature", signed.slice(0, -signature.length)],
    ["a shorter signature", signed.slice(0, -2)],
    ["an HMAC's length", signed.slice(0, -43)],
    ["a signature of other letters for the same bytes", `${signed.slice(0, -1)}${nextLetter(signed.at(-1)!)}`],
    ["a time that is not the request's", signed.replace(".1798761600000.", ".1798761600001.")],
    ["ISSUED without a slot", signed.replace(".17.", ".-.")],
    ["ACCEPTED with a slot", signed.replace("ISSUED", "ACCEPTED")],
    ["a slot with a zero before it", signed.replace(".17.", ".017.")],
    ["a user that cannot be", signed.replace("auth0|", "auth0 ")],
    ["a request that is none", signed.replace(requestId, `${requestId}x`)],
  ])("%s is refused", (_, receipt) => {
    expect(parseReceipt(receipt)).toBeNull();
  });
});

/** The next letter of base64url: of the last one of 86 only the first two bits count. */
function nextLetter(letter: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return letters[letters.indexOf(letter) + 1]!;
}

describe("a signature", () => {
  test("is the same each time, and its own key's", () => {
    expect(withSignature(privateKey, text(facts))).toBe(signed);
    expect(isSignedBy(key!.publicKey, parseReceipt(signed)!)).toBe(true);
    const [other] = parseReceiptKeys(JSON.stringify({ keys: [newReceiptKey("rfc8032", new Date())] }));
    expect(isSignedBy(other!.publicKey, parseReceipt(signed)!)).toBe(false);
  });

  const later = newRequestId(saleOfRequest(requestId), Date.UTC(2027, 0, 1));
  test.each([
    ["the key's name", signed.replace(".rfc8032.", ".rfc8033.")],
    ["the slot", signed.replace(".17.", ".18.")],
    ["the kind", signed.replace("ISSUED", "ACCEPTED").replace(".17.", ".-.")],
    ["the user", signed.replace("auth0|5.f7c", "auth0|5.f7d")],
    ["the request", signed.replace(requestId, later)],
    ["the sale", signed.replace("7qj4x0m2kd9a", "7qj4x0m2kd9b")],
    [
      "the time",
      signed
        .replace(requestId, newRequestId(saleOfRequest(requestId), Date.UTC(2027, 0, 2)))
        .replace("1798761600000", String(Date.UTC(2027, 0, 2))),
    ],
    ["the signature", signed.replace(/\.([^.])([^.]*)$/, (_, a, rest) => `.${a === "A" ? "B" : "A"}${rest}`)],
  ])("covers %s", (_, tampered) => {
    const parsed = parseReceipt(tampered);
    expect(tampered).not.toBe(signed);
    expect(parsed).not.toBeNull();
    expect(isSignedBy(key!.publicKey, parsed!)).toBe(false);
  });

  test("does not stand for an HMAC, nor an HMAC for a signature", () => {
    const claimed: ReceiptFacts = { ...facts, kind: "ACCEPTED", slot: null };
    const mac = withHmac(hmacKey, text(claimed, "hs256"));
    expect(isMadeWith(hmacKey, parseReceipt(mac)!)).toBe(true);
    expect(isMadeWith(receiptHmacKey(Buffer.alloc(32), "rfc8032"), parseReceipt(mac)!)).toBe(false);
    expect(isMadeWith(hmacKey, parseReceipt(signed)!)).toBe(false);
    expect(isSignedBy(key!.publicKey, parseReceipt(mac)!)).toBe(false);
    // What a public key is known for must not make an HMAC.
    const forged = withHmac(receiptHmacKey(Buffer.from(RFC_KEY.x, "base64url"), "rfc8032"), text(claimed, "hs256"));
    expect(isMadeWith(hmacKey, parseReceipt(forged)!)).toBe(false);
  });
});

test("version 1 is what it was, and its key too", () => {
  const secret = "a secret of at least thirty-two bytes";
  const request = "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd" as never;
  const receipt = v1Receipt(v1Key("", secret), request, "user-42" as UserId);
  expect(receipt).toBe("v1.1795415559453.705vWvKLzclTomjJ5AmhP4_FibyuY96EziIEzF6lVmI");
  expect(v1Receipt(v1Key(secret, "?"), request, "user-42" as UserId)).not.toBe(receipt);
  expect(isV1ReceiptOf(v1Key("", secret), receipt, request, "user-42" as UserId)).toBe(true);
  expect(isV1ReceiptOf(v1Key("", secret), receipt, request, "user-43" as UserId)).toBe(false);
  expect(isV1ReceiptOf(v1Key("", secret), receipt, newRequestId(newCouponId(), Date.now()), "user-42" as UserId)).toBe(
    false,
  );
  expect(isV1ReceiptOf(v1Key(secret, "?"), receipt, request, "user-42" as UserId)).toBe(false);
});
