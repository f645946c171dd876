import { expect, test } from "bun:test";
import { v1Key, v1Receipt } from "../../contracts/claims/receipt.ts";
import { newReceiptKey, parseReceiptKeys, publishedKeys } from "../../contracts/claims/receipt-keys.ts";
import { newCouponId, newRequestId, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import { createReceipts } from "../../gateway/claims/receipt.ts";
import { checkReceipt, type Expected } from "./check.ts";

const own = parseReceiptKeys(JSON.stringify({ keys: [newReceiptKey("k", new Date("2027-01-01T00:00:00Z"))] }));
const published = parseReceiptKeys(JSON.stringify(publishedKeys(own)));
const strange = parseReceiptKeys(JSON.stringify({ keys: [newReceiptKey("k", new Date())] }));
const v1 = v1Key("", "a secret of at least thirty-two bytes");
const receipts = createReceipts(own, v1);
const requestId = newRequestId(newCouponId(), Date.UTC(2027, 5, 1));
const userId = "ann" as UserId;
const check = (receipt: string, keys = published, expected: Expected = {}) =>
  checkReceipt(receipt, keys, () => v1, expected);
const signed = receipts.signed({ kind: "ISSUED", requestId, userId, slot: 7 }).receipt;
const mac = receipts.ofClaim("ACCEPTED", requestId, userId);

test("a signed receipt is proven by the published keys alone", () => {
  expect(check(signed)).toEqual({
    ok: true,
    version: 2,
    keyId: "k",
    algorithm: "ed25519",
    kind: "ISSUED",
    couponId: saleOfRequest(requestId),
    requestId,
    userId,
    slot: 7,
    receivedAt: "2027-06-01T00:00:00.000Z",
  });
  expect(check(signed, published, { requestId, userId })).toMatchObject({ ok: true });
  expect(check(signed, published, { userId: "bob" as UserId })).toEqual({ ok: false, fault: "OTHER_USER" });
  const other = newRequestId(newCouponId(), Date.now());
  expect(check(signed, published, { requestId: other })).toEqual({ ok: false, fault: "OTHER_REQUEST" });
  expect(check(signed, strange)).toEqual({ ok: false, fault: "WRONG_SIGNATURE" });
  expect(check(signed.replace(".7.", ".8."))).toEqual({ ok: false, fault: "WRONG_SIGNATURE" });
  expect(check(signed.replace(".k.", ".j."))).toEqual({ ok: false, fault: "UNKNOWN_KEY" });
  expect(check("nonsense")).toEqual({ ok: false, fault: "NO_RECEIPT" });
});

test("an HMAC needs the gateway's own keys", () => {
  expect(check(mac)).toEqual({ ok: false, fault: "NEEDS_PRIVATE_KEY" });
  expect(check(mac, own)).toMatchObject({ ok: true, kind: "ACCEPTED", algorithm: "hs256", slot: null });
  expect(check(mac, strange)).toEqual({ ok: false, fault: "WRONG_SIGNATURE" });
});

test("version 1 needs the gateway's secret, the request and the user", () => {
  const receipt = v1Receipt(v1, requestId, userId);
  expect(check(receipt)).toEqual({ ok: false, fault: "NEEDS_REQUEST_AND_USER" });
  expect(check(receipt, [], { requestId, userId })).toMatchObject({ ok: true, version: 1, keyId: null, kind: null });
  expect(check(receipt, [], { requestId, userId: "bob" as UserId })).toEqual({ ok: false, fault: "WRONG_SIGNATURE" });
});
