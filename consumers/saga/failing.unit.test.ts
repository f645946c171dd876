import { describe, expect } from "bun:test";
import { recordOf } from "../../contracts/event-topics.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import { BEGUN, given, givenWith, it, nameOf, THE_END } from "../../test/saga/given.ts";
import { captured, completed, failed, orderCreated, restored } from "../../test/saga/orders.ts";
import { handle } from "./saga.ts";

const created = orderCreated();
const sequential = { mode: { mode: "SEQUENTIAL", parallelPercent: 0 } } as const;

describe("an order that fails", () => {
  it("requests nothing more and waits for what it asked", () =>
    given(created, completed("COUPON"))
      .when(failed("STOCK", "INSUFFICIENT_STOCK"))
      .thenPublishes()
      .thenIs("CANCELLING", "STOCK:FAILED", "COUPON:COMPLETED", "POINT:REQUESTED")
      .because("INSUFFICIENT_STOCK"));

  it("restores what was completed once all have answered", () =>
    given(created, completed("COUPON"), failed("STOCK", "INSUFFICIENT_STOCK"))
      .when(completed("POINT"))
      .thenPublishes(...BEGUN, "PointRestoreRequested", "CouponRestoreRequested")
      .thenIs("COMPENSATING", "STOCK:FAILED", "COUPON:RESTORING", "POINT:RESTORING", "PAYMENT:PENDING"));

  it("restores in reverse order, refund included", () =>
    given(...captured)
      .when(failed("SHIPPING", "SHIPPING_NOT_SERVED"))
      .thenPublishes(
        ...BEGUN,
        "PaymentRestoreRequested",
        "PointRestoreRequested",
        "CouponRestoreRequested",
        "StockRestoreRequested",
      )
      .because("SHIPPING_NOT_SERVED"));

  it("keeps its first reason", () =>
    given(created, failed("STOCK", "INSUFFICIENT_STOCK"))
      .when(failed("POINT", "INSUFFICIENT_POINTS"))
      .thenPublishes()
      .thenIs("CANCELLING", "STOCK:FAILED", "POINT:FAILED")
      .because("INSUFFICIENT_STOCK"));

  it("ends at once if there is nothing to restore", () =>
    given(created, failed("STOCK", "INSUFFICIENT_STOCK"), failed("POINT", "INSUFFICIENT_POINTS"))
      .when(failed("COUPON", "COUPON_ALREADY_USED"))
      .thenPublishes("CompensationRequired", ...THE_END)
      .thenIs("CANCELLED", "STOCK:FAILED"));

  it("ends when the last restore is done; a stuck one holds up only the end", () => {
    const compensating = [...captured, failed("SHIPPING", "SHIPPING_NOT_SERVED")];
    given(...compensating)
      .when(restored("STOCK"))
      .thenPublishes()
      .thenIs("COMPENSATING", "STOCK:RESTORED");
    given(...compensating, restored("STOCK"), restored("POINT"), restored("COUPON"))
      .when(restored("PAYMENT"))
      .thenPublishes(...THE_END)
      .thenIs("CANCELLED", "STOCK:RESTORED", "PAYMENT:RESTORED", "SHIPPING:FAILED");
  });

  it("says which product was missing", () => {
    const { outputs } = givenWith(sequential, created).when(failed("STOCK", "INSUFFICIENT_STOCK", "p2"));
    for (const { data } of outputs) expect(data).toMatchObject({ reason: "INSUFFICIENT_STOCK", productId: "p2" });
  });

  it("gives admission back, but not what the stock never had", () => {
    const released = (outcome: ReturnType<ReturnType<typeof given>["when"]>) =>
      outcome.outputs.flatMap((event) => (event.type === "CompensationCompleted" ? [event.data.releaseAdmission] : []));
    expect(released(givenWith(sequential, created).when(failed("STOCK", "INTERNAL")))).toEqual([
      created.data.flashItems,
    ]);
    expect(released(givenWith(sequential, created).when(failed("STOCK", "INSUFFICIENT_STOCK")))).toEqual([[]]);
  });
});

describe("OrderCancelled", () => {
  const ended = [created, failed("STOCK", "INSUFFICIENT_STOCK", "p2"), failed("POINT", "INSUFFICIENT_POINTS")];
  const last = failed("COUPON", "COUPON_ALREADY_USED");

  it("says on the orders' topic what was ordered and why it ended, after what the owner is told", () => {
    const { outputs, state } = given(...ended).when(last);
    expect(outputs.map(({ sequence }) => sequence)).toEqual([5, 6, 7, 8]);
    expect(state.sequence).toBe(8);
    const { orderNumber, totalAmount, payableAmount } = created.data;
    const data = { orderNumber, totalAmount, payableAmount, reason: "INSUFFICIENT_STOCK", productId: "p2" };
    expect(outputs.at(-1)).toMatchObject({ type: "OrderCancelled", data });
    expect(recordOf(outputs.at(-1)!)).toMatchObject({ topic: "order-events", key: created.data.userId });
  });

  it("of an order that a release without it settled: it keeps its sequence, and a late restore takes the next place", () => {
    const { state: now } = given(...ended).when(last);
    const { places: _, ...settled } = now.settled!;
    const before: SagaState = { ...now, settled, sequence: now.sequence - 1 };
    const circumstances = { at: 0, mode: { mode: "PARALLEL", parallelPercent: 0 } } as const;
    const again = handle(before, last, circumstances).outputs;
    expect(again.map(nameOf)).toEqual(["CompensationRequired", ...THE_END.slice(0, -1)]);
    expect(again.map(({ sequence }) => sequence)).toEqual([5, 6, 7]);
    const late = handle(before, completed("PAYMENT"), circumstances);
    expect(late.outputs.map((event) => [event.type, event.sequence])).toEqual([["PaymentRestoreRequested", 8]]);
  });
});

it("an order that the database refuses is cancelled without a command to any step", () =>
  givenWith({ refusal: "INTERNAL" })
    .when(created)
    .thenPublishes("CompensationRequired", ...THE_END)
    .thenIs("CANCELLED", "STOCK:PENDING")
    .because("INTERNAL"));
