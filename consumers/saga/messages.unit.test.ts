import { expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { EVENTS, type StampedeEvent } from "../../contracts/claims/events.ts";
import { given, nameOf } from "../../test/saga/given.ts";
import { cancelRequested, captured, failed, orderCreated, orderId } from "../../test/saga/orders.ts";
import { conversation } from "../../test/saga/steps-that-answer.ts";

/** Per stream the places that were taken, sorted, each once. */
function places(said: readonly StampedeEvent[]): Record<string, number[]> {
  const streams = Object.groupBy(said, ({ stream }) => stream);
  const taken = (events: readonly StampedeEvent[]) => [...new Set(events.map(({ sequence }) => sequence))];
  return Object.fromEntries(
    Object.entries(streams).map(([stream, events]) => [stream, taken(events!).sort((a, b) => a - b)]),
  );
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const ids = (said: readonly StampedeEvent[]) => new Set(said.map(({ eventId }) => eventId));

test("a good order with coupon, points and payment is 13 messages", () => {
  expect(conversation(orderCreated()).map(nameOf)).toEqual([
    "OrderCreated",
    "StockDeductionRequested",
    "StockDeductionCompleted",
    "CouponUsageRequested",
    "CouponUsageCompleted",
    "PointDeductionRequested",
    "PointDeductionCompleted",
    "PaymentRequested",
    "PaymentCompleted",
    "ShippingRequested",
    "ShippingPrepared",
    "OrderCompleted",
    "OrderStatusChanged:COMPLETED",
  ]);
});

test("an order of stock, payment and shipping alone is 9", () => {
  expect(conversation(orderCreated({ COUPON: false, POINT: false }))).toHaveLength(9);
});

test("the worst order, whose last step refuses, is 24", () => {
  const said = conversation(orderCreated(), [failed("SHIPPING", "SHIPPING_NOT_SERVED")]).map(nameOf);
  expect(said).toHaveLength(24);
  expect(said.filter((name) => /^Compensation|^OrderStatus|^OrderCancelled/.test(name))).toEqual([
    "CompensationRequired",
    "OrderStatusChanged:COMPENSATING",
    "CompensationCompleted",
    "OrderStatusChanged:CANCELLED",
    "OrderCancelled",
  ]);
});

test("each is a separate event, and no stream has a gap", () => {
  for (const said of [conversation(orderCreated()), conversation(orderCreated(), [failed("SHIPPING", "INTERNAL")])]) {
    expect(ids(said).size).toBe(said.length);
    for (const taken of Object.values(places(said))) expect(taken).toEqual(upTo(taken.length));
    expect(Object.keys(places(said))[0]).toBe(orderId);
  }
});

test("handling every event three times makes no message that was not there before", () => {
  for (const answers of [[], [failed("SHIPPING", "INTERNAL")]]) {
    const once = conversation(orderCreated(), answers);
    const thrice = conversation(orderCreated(), answers, 3);
    expect(ids(thrice)).toEqual(ids(once));
    expect(places(thrice)).toEqual(places(once));
  }
});

test("a message names what it answers", () => {
  const said = conversation(orderCreated());
  const byName = new Map(said.map((event) => [nameOf(event), event]));
  expect(byName.get("StockDeductionRequested")!.causationId).toBe(byName.get("OrderCreated")!.eventId);
  expect(byName.get("ShippingRequested")!.causationId).toBe(byName.get("PaymentCompleted")!.eventId);
  for (const { correlationId, aggregateId } of said) expect([correlationId, aggregateId]).toEqual([orderId, orderId]);
});

test("every message is what its schema says", () => {
  const said = [
    ...conversation(orderCreated()),
    ...conversation(orderCreated(), [failed("STOCK", "INSUFFICIENT_STOCK", "p2")]),
    ...conversation(orderCreated(), [failed("SHIPPING", "SHIPPING_NOT_SERVED")]),
    ...given(...captured).when(cancelRequested()).outputs,
  ];
  for (const { type, data } of said) {
    const check = TypeCompiler.Compile(EVENTS[type].properties.data as TSchema);
    expect([type, ...check.Errors(data)]).toEqual([type]);
  }
  expect(new Set(said.map(({ type }) => type)).size).toBeGreaterThan(20);
});
