import { describe } from "bun:test";
import { BEGUN, given, it, THE_END } from "../../test/saga/given.ts";
import { cancelRequested, captured, completed, failed, orderCreated, stageOne } from "../../test/saga/orders.ts";

const created = orderCreated();

describe("a request to cancel", () => {
  it("stops an order that is not paid yet, and waits for what was asked", () =>
    given(created)
      .when(cancelRequested())
      .thenPublishes()
      .thenIs("CANCELLING", "STOCK:REQUESTED")
      .because("CANCELLED_BY_USER"));

  it("while the payment is under way waits for it, and refunds it", () => {
    const asked = [created, ...stageOne, cancelRequested()];
    given(...asked.slice(0, -1))
      .when(cancelRequested())
      .thenPublishes()
      .thenIs("CANCELLING", "PAYMENT:REQUESTED");
    given(...asked)
      .when(completed("PAYMENT"))
      .thenPublishes(
        ...BEGUN,
        "PaymentRestoreRequested",
        "PointRestoreRequested",
        "CouponRestoreRequested",
        "StockRestoreRequested",
      )
      .because("CANCELLED_BY_USER");
  });

  it("is refused once the payment is captured", () => {
    given(...captured)
      .when(cancelRequested())
      .thenPublishes("OrderCancelRefused")
      .thenIs("PROCESSING");
    given(...captured, completed("SHIPPING"))
      .when(cancelRequested())
      .thenPublishes("OrderCancelRefused")
      .thenIs("COMPLETED");
  });

  it("says nothing about an order that is being cancelled already", () => {
    given(created, cancelRequested()).when(cancelRequested("OPERATOR")).thenPublishes().because("CANCELLED_BY_USER");
    given(created, failed("STOCK", "INTERNAL")).when(cancelRequested()).thenPublishes().because("INTERNAL");
  });

  it("that comes before the order waits for it, and no step hears of it", () => {
    given().when(cancelRequested("OPERATOR")).thenPublishes().thenIs("PENDING");
    given(cancelRequested("OPERATOR"))
      .when(created)
      .thenPublishes("CompensationRequired", ...THE_END)
      .thenIs("CANCELLED", "STOCK:PENDING", "SHIPPING:PENDING")
      .because("CANCELLED_BY_OPERATOR");
  });
});
