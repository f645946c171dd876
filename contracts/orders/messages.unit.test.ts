import { expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import {
  cancelRequested,
  completed,
  deadlinePassed,
  failed,
  orderCreated,
  orderId,
  restored,
} from "../../test/saga/orders.ts";
import { EVENTS, type StampedeEvent } from "../claims/events.ts";
import { type Currency, moneyOf } from "../wire/money.ts";
import { paymentReported } from "./messages.ts";
import { STEPS } from "./steps.ts";

const reported = (providerEventId: string) =>
  paymentReported(
    { orderId, providerEventId, outcome: "CAPTURED", amount: moneyOf(1), currency: "EUR" as Currency },
    0,
  );

const made: readonly StampedeEvent[] = [
  orderCreated(),
  cancelRequested(),
  deadlinePassed(1, ["STOCK"], false),
  deadlinePassed(2, [], true),
  reported("evt_1"),
  reported("evt_2"),
  ...STEPS.flatMap((step) => [completed(step), failed(step, "INTERNAL"), restored(step)]),
];

test("what door, sweeper, webhook and steps say is what its schema says", () => {
  for (const { type, data } of made) {
    const check = TypeCompiler.Compile(EVENTS[type].properties.data as TSchema);
    expect([type, ...check.Errors(data)]).toEqual([type]);
  }
});

test("each has a different id; made again, it has the same", () => {
  expect(new Set(made.map(({ eventId }) => eventId)).size).toBe(made.length);
  expect(
    [orderCreated(), cancelRequested("OPERATOR"), deadlinePassed(2, ["STOCK"], false)].map((e) => e.eventId),
  ).toEqual([made[0]!, made[1]!, made[3]!].map((e) => e.eventId));
});

test("a stream has one producer, which counts from 1", () => {
  const place = ({ stream, sequence }: StampedeEvent) => [stream, sequence];
  expect(made.slice(0, 6).map(place)).toEqual([
    [orderId, 1],
    [`${orderId}/CANCEL`, 1],
    [`${orderId}/DEADLINE`, 1],
    [`${orderId}/DEADLINE`, 2],
    [`${orderId}/REPORT/evt_1`, 1],
    [`${orderId}/REPORT/evt_2`, 1],
  ]);
  expect(
    [completed("STOCK"), failed("STOCK", "INTERNAL"), restored("STOCK"), restored("STOCK", true)].map(place),
  ).toEqual([
    [`${orderId}/STOCK`, 1],
    [`${orderId}/STOCK`, 1],
    [`${orderId}/STOCK`, 2],
    [`${orderId}/STOCK`, 1],
  ]);
});
