import { describe, expect } from "bun:test";
import { clock, given, givenWith, it } from "../../test/saga/given.ts";
import { captured, completed, failed, orderCreated, orderId, restored, stageOne } from "../../test/saga/orders.ts";

const created = orderCreated();
const commandsOfStageOne = ["StockDeductionRequested", "CouponUsageRequested", "PointDeductionRequested"];
const sequential = { mode: { mode: "SEQUENTIAL", parallelPercent: 0 } } as const;

describe("an order that goes well", () => {
  it("asks for stock, coupon and points at once", () =>
    given()
      .when(created)
      .thenPublishes(...commandsOfStageOne)
      .thenIs("PROCESSING", "STOCK:REQUESTED", "COUPON:REQUESTED", "POINT:REQUESTED", "PAYMENT:PENDING"));

  it("waits for all three, in whatever order they answer", () => {
    given(created).when(completed("POINT")).thenPublishes().thenIs("PROCESSING", "POINT:COMPLETED");
    given(created, completed("POINT"), completed("STOCK"))
      .when(completed("COUPON"))
      .thenPublishes("PaymentRequested")
      .thenIs("PROCESSING", "PAYMENT:REQUESTED");
  });

  it("is shipped when it is paid", () =>
    given(created, ...stageOne)
      .when(completed("PAYMENT"))
      .thenPublishes("ShippingRequested")
      .thenIs("PROCESSING", "SHIPPING:REQUESTED"));

  it("ends when it is shipped", () =>
    given(...captured)
      .when(completed("SHIPPING"))
      .thenPublishes("OrderCompleted", "OrderStatusChanged:COMPLETED")
      .thenIs("COMPLETED", "STOCK:COMPLETED", "SHIPPING:COMPLETED"));

  it("one step after the other, if it began so", () => {
    givenWith(sequential).when(created).thenPublishes("StockDeductionRequested").thenIs("PROCESSING", "COUPON:PENDING");
    givenWith(sequential, created).when(completed("STOCK")).thenPublishes("CouponUsageRequested");
    givenWith(sequential, created, completed("STOCK"))
      .when(completed("COUPON"))
      .thenPublishes("PointDeductionRequested");
    givenWith(sequential, created, ...stageOne.slice(0, 2))
      .when(completed("POINT"))
      .thenPublishes("PaymentRequested");
  });
});

it("the times of a step are those of the saga's clock", () => {
  const { state } = given(...captured.slice(0, 2), failed("POINT", "INTERNAL"), completed("COUPON")).when(
    restored("STOCK"),
  );
  expect(state.steps.STOCK).toEqual({
    status: "RESTORED",
    requestedAt: clock(0),
    completedAt: clock(1),
    restoredAt: clock(4),
  });
  expect(state.order?.createdAt).toBe(Date.parse(created.occurredAt));
  expect(state.order?.orderId).toBe(orderId);
});
