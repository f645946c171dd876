import { describe } from "bun:test";
import { given, it } from "../../test/saga/given.ts";
import { cancelRequested, completed, failed, orderCreated, restored, stageOne } from "../../test/saga/orders.ts";

describe("an order that does not need every step", () => {
  it("skips coupon and points without a message", () =>
    given()
      .when(orderCreated({ COUPON: false, POINT: false }))
      .thenPublishes("StockDeductionRequested")
      .thenIs("PROCESSING", "COUPON:SKIPPED", "POINT:SKIPPED"));

  it("skips the payment when nothing is left to pay", () =>
    given(orderCreated({ PAYMENT: false }), completed("STOCK"), completed("COUPON"))
      .when(completed("POINT"))
      .thenPublishes("ShippingRequested")
      .thenIs("PROCESSING", "PAYMENT:SKIPPED", "SHIPPING:REQUESTED"));

  it("goes from stock to shipping if that is all there is", () =>
    given(orderCreated({ COUPON: false, POINT: false, PAYMENT: false }))
      .when(completed("STOCK"))
      .thenPublishes("ShippingRequested")
      .thenIs("PROCESSING", "COUPON:SKIPPED", "POINT:SKIPPED", "PAYMENT:SKIPPED"));

  it("can be cancelled to its end if it has no payment, because nothing was captured", () =>
    given(orderCreated({ PAYMENT: false }), ...stageOne)
      .when(cancelRequested())
      .thenPublishes()
      .thenIs("CANCELLING", "SHIPPING:REQUESTED"));

  it("minds no answer of a step that it skips", () => {
    const plain = orderCreated({ COUPON: false });
    given(plain).when(completed("COUPON")).thenPublishes().thenIs("PROCESSING", "COUPON:SKIPPED");
    given(plain).when(failed("COUPON", "COUPON_EXPIRED")).thenPublishes().thenIs("PROCESSING", "COUPON:SKIPPED");
    given(plain).when(restored("COUPON")).thenPublishes().thenIs("PROCESSING", "COUPON:SKIPPED");
  });
});
