import { expect, test } from "bun:test";
import type { ModeSetting, SagaMode } from "../../contracts/orders/saga-mode.ts";
import type { PlacedOrder, StepOrder } from "../../contracts/orders/saga-state.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { percentileOf } from "../../contracts/wire/percentile.ts";
import { stateAfter } from "../../test/saga/given.ts";
import { completed, type Needs, orderCreated } from "../../test/saga/orders.ts";
import { stepOrderOf } from "./modes.ts";
import { handle } from "./saga.ts";

const order = (needs: Needs, lines: number) => stateAfter([orderCreated(needs, lines)]).order!;
const plain: Needs = { COUPON: false, POINT: false };
const setting = (mode: SagaMode, parallelPercent = 0): ModeSetting => ({ mode, parallelPercent });

const cases: [string, SagaMode, Needs, number, StepOrder][] = [
  ["anything in PARALLEL", "PARALLEL", {}, 100, "PARALLEL"],
  ["anything in SEQUENTIAL", "SEQUENTIAL", plain, 1, "SEQUENTIAL"],
  ["three lines and nothing else in ADAPTIVE", "ADAPTIVE", plain, 3, "PARALLEL"],
  ["four lines in ADAPTIVE", "ADAPTIVE", plain, 4, "SEQUENTIAL"],
  ["a coupon in ADAPTIVE", "ADAPTIVE", { POINT: false }, 1, "SEQUENTIAL"],
  ["points in ADAPTIVE", "ADAPTIVE", { COUPON: false }, 1, "SEQUENTIAL"],
];
for (const [what, mode, needs, lines, expected] of cases) {
  test(`an order with ${what} begins ${expected}`, () => {
    expect(stepOrderOf(order(needs, lines), setting(mode))).toBe(expected);
  });
}

test("a rollout takes its share of the users, and who was in stays in", () => {
  const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}` as UserId);
  const parallel = (percent: number) => {
    const of = (userId: UserId) => stepOrderOf({ userId } as PlacedOrder, setting("ROLLOUT", percent));
    return new Set(users.filter((userId) => of(userId) === "PARALLEL"));
  };
  expect([parallel(0).size, parallel(100).size]).toEqual([0, users.length]);
  const [ten, thirty] = [parallel(10), parallel(30)];
  expect(Math.abs(ten.size / users.length - 0.1)).toBeLessThan(0.01);
  expect(Math.abs(thirty.size / users.length - 0.3)).toBeLessThan(0.01);
  expect(ten.isSubsetOf(thirty)).toBe(true);
});

test("a rollout takes the same users as every other share of the users", () => {
  for (const userId of ["ann", "bob", "user-42"] as UserId[]) {
    const place = percentileOf(userId);
    const begins = (percent: number) => stepOrderOf({ userId } as PlacedOrder, setting("ROLLOUT", percent));
    expect([begins(place), begins(place + 1)]).toEqual(["SEQUENTIAL", "PARALLEL"]);
  }
});

test("an order keeps the mode that it began in when the setting is switched", () => {
  const begun = stateAfter([orderCreated()], { mode: setting("SEQUENTIAL") });
  const after = handle(begun, completed("STOCK"), { at: 0, mode: setting("PARALLEL") });
  expect(after.outputs.map(({ type }) => type)).toEqual(["CouponUsageRequested"]);
  const other = stateAfter([orderCreated()]);
  const next = handle(other, completed("STOCK"), { at: 0, mode: setting("SEQUENTIAL") });
  expect(next.state.steps.POINT.status).toBe("REQUESTED");
});
