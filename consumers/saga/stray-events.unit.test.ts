import { describe, expect } from "bun:test";
import { BEGUN, given, it, THE_END } from "../../test/saga/given.ts";
import {
  cancelRequested,
  captured,
  completed,
  deadlinePassed,
  failed,
  orderCreated,
  restored,
} from "../../test/saga/orders.ts";

const created = orderCreated();
const silent = deadlinePassed(9, [], true);

describe("messages that come late, early or twice", () => {
  it("a late stock result after the compensation began changes nothing: the restore is on its way", () =>
    given(created, completed("COUPON"), completed("POINT"), silent)
      .when(completed("STOCK"))
      .thenPublishes()
      .thenIs("COMPENSATING", "STOCK:RESTORING"));

  it("Restored outranks Completed, and a refusal that comes after it", () => {
    const back = [created, completed("COUPON"), completed("POINT"), silent, restored("STOCK")];
    given(...back)
      .when(completed("STOCK"))
      .thenPublishes()
      .thenIs("COMPENSATING", "STOCK:RESTORED");
    given(...back)
      .when(failed("STOCK", "INTERNAL"))
      .thenPublishes()
      .thenIs("COMPENSATING", "STOCK:RESTORED");
  });

  it("a restore that overtook its command ends the step without a result", () =>
    given(created, completed("COUPON"), completed("POINT"), silent, restored("POINT"), restored("COUPON"))
      .when(restored("STOCK"))
      .thenPublishes(...THE_END)
      .thenIs("CANCELLED", "STOCK:RESTORED"));

  it("a step that was restored by another cause can't be part of a completed order", () => {
    given(created, completed("STOCK"))
      .when(restored("STOCK"))
      .thenPublishes()
      .thenIs("CANCELLING", "STOCK:RESTORED", "COUPON:REQUESTED")
      .because("INTERNAL");
    given(created).when(restored("STOCK")).thenIs("CANCELLING", "STOCK:RESTORED").because("INTERNAL");
  });

  it("a step that completed without being asked is not asked any more", () => {
    given(created).when(completed("PAYMENT")).thenPublishes().thenIs("PROCESSING", "PAYMENT:COMPLETED");
    given(created, completed("PAYMENT"), completed("STOCK"), completed("COUPON"))
      .when(completed("POINT"))
      .thenPublishes("ShippingRequested");
  });

  it("a step that refused without being asked fails the order", () =>
    given(created)
      .when(failed("SHIPPING", "SHIPPING_NOT_SERVED"))
      .thenPublishes()
      .thenIs("CANCELLING", "SHIPPING:FAILED"));

  it("a step that completed without being asked is restored if the order is being cancelled", () => {
    given(...captured.slice(0, 3), failed("POINT", "INSUFFICIENT_POINTS"))
      .when(completed("PAYMENT"))
      .thenPublishes("PaymentRestoreRequested")
      .thenIs("COMPENSATING", "PAYMENT:RESTORING", "STOCK:RESTORING");
  });

  it("even if it was cancelled: the effect is undone, the order stays what it was told to be", () => {
    const cancelled = [cancelRequested(), created];
    given(...cancelled)
      .when(completed("STOCK"))
      .thenPublishes("StockRestoreRequested")
      .thenIs("CANCELLED", "STOCK:RESTORING");
    given(...cancelled, completed("STOCK"))
      .when(restored("STOCK"))
      .thenPublishes()
      .thenIs("CANCELLED", "STOCK:RESTORED");
  });

  it("results of an order that is not here are not remembered: its steps repeat them", () => {
    given().when(completed("STOCK")).thenPublishes().thenIs("PENDING", "STOCK:PENDING");
    given().when(restored("STOCK")).thenPublishes().thenIs("PENDING", "STOCK:PENDING");
  });

  it("an order that was created twice begins once", () => {
    const { state } = given(created, completed("STOCK")).when(created);
    expect(state.steps.STOCK.status).toBe("COMPLETED");
    given(created, completed("STOCK")).when(created).thenPublishes("CouponUsageRequested", "PointDeductionRequested");
  });

  it("a repeated event publishes what it caused and nothing that others did", () => {
    const { outputs } = given(...captured).when(completed("COUPON"));
    expect(outputs).toEqual([]);
    given(...captured, completed("SHIPPING"))
      .when(completed("SHIPPING"))
      .thenPublishes("OrderCompleted", "OrderStatusChanged:COMPLETED");
    given(...captured, failed("SHIPPING", "INTERNAL"))
      .when(failed("SHIPPING", "INTERNAL"))
      .thenPublishes(
        ...BEGUN,
        "PaymentRestoreRequested",
        "PointRestoreRequested",
        "CouponRestoreRequested",
        "StockRestoreRequested",
      );
  });
});
