import { describe, expect } from "bun:test";
import { BEGUN, given, givenWith, it, THE_END } from "../../test/saga/given.ts";
import { captured, completed, failed, orderCreated, restored } from "../../test/saga/orders.ts";

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

  it("ends when the last restore is done; a stuck one holds up nobody but the end", () => {
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

it("an order that the database refuses is cancelled without asking anybody", () =>
  givenWith({ refusal: "INTERNAL" })
    .when(created)
    .thenPublishes("CompensationRequired", ...THE_END)
    .thenIs("CANCELLED", "STOCK:PENDING")
    .because("INTERNAL"));
