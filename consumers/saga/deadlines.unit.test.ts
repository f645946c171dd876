import { describe, expect } from "bun:test";
import { BEGUN, given, it } from "../../test/saga/given.ts";
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

describe("a deadline", () => {
  it("asks silent steps again, those that it names", () => {
    given(created)
      .when(deadlinePassed(1, ["COUPON"], false))
      .thenPublishes("CouponUsageRequested");
    given(created, completed("STOCK"))
      .when(deadlinePassed(1, ["STOCK", "COUPON", "POINT", "PAYMENT"], false))
      .thenPublishes("CouponUsageRequested", "PointDeductionRequested")
      .thenIs("PROCESSING");
  });

  it("repeats the very same command: the same id, the same place in the stream", () => {
    const first = given().when(created).outputs[0]!;
    expect(given(created).when(deadlinePassed(1, ["STOCK"], false)).outputs).toEqual([first]);
  });

  it("asks again while an order is being cancelled, because it waits for the answer", () =>
    given(created, failed("STOCK", "INSUFFICIENT_STOCK"))
      .when(deadlinePassed(1, ["STOCK", "POINT"], false))
      .thenPublishes("PointDeductionRequested")
      .thenIs("CANCELLING"));

  it("gives silent steps up at the end of the order's time: they are restored too", () =>
    given(created, completed("STOCK"), completed("COUPON"))
      .when(silent)
      .thenPublishes(...BEGUN, "PointRestoreRequested", "CouponRestoreRequested", "StockRestoreRequested")
      .thenIs("COMPENSATING", "POINT:RESTORING")
      .because("STEP_TIMED_OUT"));

  it("gives up the waiting of a cancelled order as well, and keeps its reason", () =>
    given(created, failed("STOCK", "INSUFFICIENT_STOCK"), completed("COUPON"))
      .when(silent)
      .thenPublishes(...BEGUN, "PointRestoreRequested", "CouponRestoreRequested")
      .because("INSUFFICIENT_STOCK"));

  it("never gives up a compensation: it asks again", () => {
    const compensating = [...captured, failed("SHIPPING", "SHIPPING_NOT_SERVED"), restored("POINT")];
    given(...compensating)
      .when(deadlinePassed(9, ["STOCK", "POINT", "PAYMENT"], true))
      .thenPublishes("PaymentRestoreRequested", "StockRestoreRequested")
      .thenIs("COMPENSATING");
  });

  it("finds nothing to do in an order that is not here, or settled", () => {
    given().when(silent).thenPublishes().thenIs("PENDING");
    given(...captured, completed("SHIPPING"))
      .when(silent)
      .thenPublishes()
      .thenIs("COMPLETED");
    given(cancelRequested(), created).when(silent).thenPublishes().thenIs("CANCELLED");
  });
});
