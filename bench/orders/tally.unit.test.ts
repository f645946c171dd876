import { expect, test } from "bun:test";
import { Histogram } from "../load/histogram.ts";
import { OrderTally } from "./tally.ts";

const order = (ended: () => void = () => {}) => ({ fate: "fine" as const, dueAt: performance.now(), ended });
const answer = (orderId: string) => JSON.stringify({ orderId });

test("an order is under way from its answer to its end; its place is free then", () => {
  const tally = new OrderTally();
  const freed: string[] = [];
  tally.start();
  expect(tally.answered(202, answer("a"), order(() => freed.push("a")))).toBe("a"); // biome-ignore format: one line
  expect([tally.underWay, freed]).toEqual([1, []]);
  tally.ended("a", "COMPLETED");
  expect([tally.underWay, freed]).toEqual([0, ["a"]]);
  expect(tally.progress()).toMatchObject({ placed: 1, completed: 1, cancelled: 0 });
});

test("an end that comes before the answer counts, once", () => {
  const tally = new OrderTally();
  tally.start();
  tally.ended("a", "CANCELLED PAYMENT_DECLINED");
  expect(tally.progress()).toMatchObject({ completed: 0, cancelled: 0 });
  tally.answered(202, answer("a"), order());
  const result = tally.result();
  expect(result).toMatchObject({ placed: 1, unsettled: 0, outcomes: { "fine CANCELLED PAYMENT_DECLINED": 1 } });
  expect(Histogram.parse(result.settled).count).toBe(1);
});

test("a refusal is no order, and its first body is kept", () => {
  const tally = new OrderTally();
  tally.start();
  expect(tally.answered(503, "busy", order())).toBeNull();
  expect(tally.answered(503, "busy still", order())).toBeNull();
  expect(tally.result()).toMatchObject({ placed: 0, statuses: { 503: 2 }, samples: { 503: "busy" }, unsettled: 0 });
});

test("who was told nothing is unsettled", () => {
  const tally = new OrderTally();
  tally.start();
  tally.answered(202, answer("a"), order());
  expect(tally.result().unsettled).toBe(1);
});
