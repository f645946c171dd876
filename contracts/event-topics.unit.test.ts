import { expect, test } from "bun:test";
import { EVENTS, type EventType, type StampedeEvent } from "./claims/events.ts";
import { CARRIERS, carriedBy, recordOf } from "./event-topics.ts";
import { STEP_EVENT_TYPES, STEPS } from "./orders/steps.ts";
import { TOPICS, type Topic } from "./topics.ts";

// Records of every field that any key is made of, each with its own name as value.
const data = { userId: "userId", orderId: "orderId", couponId: "couponId", items: [{ productId: "productId" }] };
const record = (type: EventType) => recordOf({ type, data } as never as StampedeEvent);

test("every event has a schema and a topic, and its key is the one that the topic declares", () => {
  expect(Object.keys(CARRIERS).sort()).toEqual(Object.keys(EVENTS).sort());
  for (const type of Object.keys(CARRIERS) as EventType[]) {
    const { topic, key } = record(type);
    // Coupon-events and point-events carry commands beside facts; all of them use the topic's key.
    expect([type, key]).toEqual([type, TOPICS[topic].key]);
  }
});

test("a step's command, restore and results travel as the design's table says", () => {
  const room = { STOCK: "stock", COUPON: "coupon", POINT: "point", PAYMENT: "payment", SHIPPING: "shipping" };
  for (const step of STEPS) {
    const types = STEP_EVENT_TYPES[step];
    expect(CARRIERS[types.requested].topic).toBe(`${room[step]}-events` as Topic);
    expect(CARRIERS[types.restoreRequested].topic).toBe(`${room[step]}-compensation-events` as Topic);
    for (const result of [types.completed, types.failed, types.restored] as EventType[])
      expect(CARRIERS[result].topic).toBe("order-processing-results");
  }
});

test("a topic lists what it carries", () => {
  expect(carriedBy("order-events")).toEqual([
    "OrderCreated",
    "OrderCancelRequested",
    "DeadlinePassed",
    "OrderCompleted",
    "OrderCancelled",
  ]);
  expect(carriedBy("coupon-requests")).toEqual(["CouponIssueRequested"]);
});
