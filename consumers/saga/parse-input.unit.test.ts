import { expect, test } from "bun:test";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { cancelRequested, completed, deadlinePassed, failed, orderCreated, restored } from "../../test/saga/orders.ts";
import { conversation } from "../../test/saga/steps-that-answer.ts";
import { parseInput } from "./parse-input.ts";

const record = (value: string) => ({ value: new TextEncoder().encode(value) }) as unknown as IncomingRecord;
const parsed = (event: object) => parseInput(record(JSON.stringify(event)));
const invalid = expect.objectContaining({ code: "VALIDATION_FAILED" });

test("everything that the saga minds is read back as it was written", () => {
  const inputs = [
    orderCreated(),
    orderCreated({ COUPON: false, POINT: false, PAYMENT: false }, 100),
    cancelRequested(),
    deadlinePassed(3, ["STOCK"], true),
    completed("PAYMENT"),
    failed("STOCK", "INSUFFICIENT_STOCK"),
    restored("SHIPPING"),
  ];
  for (const input of inputs) expect(parsed(input)).toEqual(input);
});

test("what is for others is passed over: what the saga itself says, claims, events of a later release", () => {
  const minded = conversation(orderCreated()).filter((event) => parsed(event) !== null);
  expect(minded.map(({ type }) => type)).toEqual([
    "OrderCreated",
    "StockDeductionCompleted",
    "CouponUsageCompleted",
    "PointDeductionCompleted",
    "PaymentCompleted",
    "ShippingPrepared",
  ]);
  expect(parsed({ type: "OrderGiftWrapped", data: 1 })).toBeNull();
});

test("what is broken is refused, and the message says where", () => {
  const created = orderCreated();
  expect(() => parseInput(record("{"))).toThrow(invalid);
  expect(() => parseInput({ value: null } as IncomingRecord)).toThrow(invalid);
  for (const nothing of [null, 1, {}, [], { type: 1 }]) expect(() => parsed(nothing as object)).toThrow(invalid);
  for (const envelope of [{ eventId: undefined }, { eventId: "" }, { occurredAt: "yesterday" }, { sequence: "1" }])
    expect(() => parsed({ ...created, ...envelope })).toThrow(invalid);
  const broken = (event: object, data: object) => () => parsed({ ...event, data: { ...created.data, ...data } });
  expect(broken(created, { items: [] })).toThrow("/items");
  expect(broken(created, { payableAmount: -1 })).toThrow("/payableAmount");
  expect(broken(created, { payableAmount: 1.5 })).toThrow("/payableAmount");
  expect(broken(created, { couponId: undefined })).toThrow("/couponId");
  expect(broken(deadlinePassed(1, [], false), { resend: ["PARCEL"], giveUp: true })).toThrow("/resend/0");
});
