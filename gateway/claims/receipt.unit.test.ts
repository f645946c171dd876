import { expect, test } from "bun:test";
import { parseReceipt, v1Key, v1Receipt } from "../../contracts/claims/receipt.ts";
import {
  faultOfReceipt,
  newReceiptKey,
  parseReceiptKeys,
  publishedKeys,
  type StoredReceiptKey,
} from "../../contracts/claims/receipt-keys.ts";
import { newCouponId, newRequestId, requestTime, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import { createReceipts, whyKeysCannotSign } from "./receipt.ts";

const YEAR = (year: number) => Date.UTC(year, 0, 1);
const stored = (year: number) => newReceiptKey(`y${year}`, new Date(YEAR(year)));
const [y27, y28, y29] = [stored(2027), stored(2028), stored(2029)];
const publicPartOf = ({ d: _, ...rest }: StoredReceiptKey): StoredReceiptKey => rest;
const keysOf = (...keys: StoredReceiptKey[]) => parseReceiptKeys(JSON.stringify({ keys }));
const v1 = v1Key("", "a secret of at least thirty-two bytes");
const receiptsOf = (...keys: StoredReceiptKey[]) => createReceipts(keysOf(...keys), v1);

const sale = newCouponId();
const at = (ms: number) => newRequestId(sale, ms);
const ann = "ann" as UserId;
const keyOf = (receipt: string) => parseReceipt(receipt)?.keyId;

test("a request id carries its sale and the time to the millisecond", () => {
  const now = Date.now();
  const requestId = newRequestId(sale, now);
  expect(saleOfRequest(requestId)).toBe(sale);
  expect(requestTime(requestId)).toBe(now);
  expect(new Set(Array.from({ length: 20_000 }, () => newRequestId(sale, now))).size).toBe(20_000);
});

test("two gateways with the same keys give the same receipts, however often they are asked", () => {
  const [one, other] = [receiptsOf(y27, y28), receiptsOf(y28, y27)];
  const requestId = at(YEAR(2027) + 1);
  const issued = { kind: "ISSUED", requestId, userId: ann, slot: 7 } as const;
  expect(other.ofClaim("ACCEPTED", requestId, ann)).toBe(one.ofClaim("ACCEPTED", requestId, ann));
  expect(other.signed(issued)).toEqual(one.signed(issued));
  expect(one.signed(issued)).toEqual(one.signed(issued));
  expect(one.ofClaim("PENDING", requestId, ann)).not.toBe(one.ofClaim("ACCEPTED", requestId, ann));
});

test("a receipt proves its own claim and no other", () => {
  const receipts = receiptsOf(y27);
  const requestId = at(YEAR(2027));
  const both = [
    receipts.ofClaim("ACCEPTED", requestId, ann),
    receipts.signed({ kind: "ACCEPTED", requestId, userId: ann, slot: null }).receipt,
    v1Receipt(v1, requestId, ann),
  ];
  for (const receipt of both) {
    expect(receipts.verify(receipt, requestId, ann)).toBe(true);
    expect(receipts.verify(receipt, requestId, "bob" as UserId)).toBe(false);
    expect(receipts.verify(receipt, at(YEAR(2027)), ann)).toBe(false);
    expect(receipts.verify(`${receipt.slice(0, -9)}AAAAAAAAA`, requestId, ann)).toBe(false);
  }
  expect(receiptsOf(stored(2027)).verify(both[0]!, requestId, ann)).toBe(false);
  expect(receiptsOf(stored(2027)).verify(both[1]!, requestId, ann)).toBe(false);
});

test("the key is chosen by the request's time, so a repeat after a rotation gets the first receipt", () => {
  const before = receiptsOf(y27);
  const published = receiptsOf(y27, y28);
  const afterwards = receiptsOf(y27, y28, y29);
  for (const requestId of [at(YEAR(2027)), at(YEAR(2028) - 1)]) {
    expect(keyOf(before.ofClaim("ACCEPTED", requestId, ann))).toBe("y2027");
    expect(published.ofClaim("ACCEPTED", requestId, ann)).toBe(before.ofClaim("ACCEPTED", requestId, ann));
    expect(afterwards.ofClaim("ACCEPTED", requestId, ann)).toBe(before.ofClaim("ACCEPTED", requestId, ann));
  }
  expect(keyOf(afterwards.ofClaim("ACCEPTED", at(YEAR(2028)), ann))).toBe("y2028");
  expect(keyOf(afterwards.ofClaim("ACCEPTED", at(YEAR(2031)), ann))).toBe("y2029");
});

test("a retired key verifies, and its successor signs its requests", () => {
  const requestId = at(YEAR(2027));
  const accepted = { kind: "ACCEPTED", requestId, userId: ann, slot: null } as const;
  const early = receiptsOf(y27, y28).signed(accepted).receipt;
  const retired = receiptsOf(publicPartOf(y27), y28);
  expect(retired.verify(early, requestId, ann)).toBe(true);
  expect(retired.signed(accepted).keyId).toBe("y2028");
  expect(keyOf(retired.ofClaim("ACCEPTED", requestId, ann))).toBe("y2028");
  const published = parseReceiptKeys(JSON.stringify(publishedKeys(keysOf(publicPartOf(y27), y28))));
  expect(faultOfReceipt(published, parseReceipt(early)!)).toBeNull();
  expect(receiptsOf(y28).verify(early, requestId, ann)).toBe(false);
});

test("a request from before the first key keeps its receipt of version 1, and gets a signature of the first key", () => {
  const receipts = receiptsOf(y28, y29);
  const requestId = at(YEAR(2027));
  expect(receipts.ofClaim("ACCEPTED", requestId, ann)).toBe(v1Receipt(v1, requestId, ann));
  const signed = receipts.signed({ kind: "ISSUED", requestId, userId: ann, slot: 3 });
  expect(signed.keyId).toBe("y2028");
  expect(receipts.verify(signed.receipt, requestId, ann)).toBe(true);
});

test("keys sign from a time on, and the one whose turn it is needs its private part", () => {
  const now = YEAR(2028);
  expect(whyKeysCannotSign(keysOf(y27), now)).toBeNull();
  expect(whyKeysCannotSign(keysOf(y28, y29), now)).toBeNull();
  expect(whyKeysCannotSign(keysOf(publicPartOf(y27), y28), now)).toBeNull();
  expect(whyKeysCannotSign(keysOf(y29), now)).toContain("no key may sign yet");
  expect(whyKeysCannotSign(keysOf(y27, publicPartOf(y28)), now)).toContain("key y2028");
  expect(whyKeysCannotSign(keysOf(y27, publicPartOf(y29)), now)).toContain("key y2029");
});
