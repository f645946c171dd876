import { expect, test } from "bun:test";
import { clock, stateAfter } from "../../test/saga/given.ts";
import { captured, completed, failed, orderCreated, orderId, restored, stageOne } from "../../test/saga/orders.ts";
import { type PlacedOrder, readSagaState, type SagaState } from "./saga-state.ts";
import { orderView, pendingView } from "./view.ts";

const viewAfter = (...events: Parameters<typeof stateAfter>[0]) =>
  orderView(stateAfter(events) as SagaState & { order: PlacedOrder });
const time = (event: number) => new Date(clock(event)).toISOString();

test("an order's owner sees its amounts and every step with its times", () => {
  const view = viewAfter(orderCreated({ POINT: false }), completed("STOCK"));
  expect(view).toMatchObject({
    orderId,
    status: "PROCESSING",
    totalAmount: 3_000,
    discountAmount: 300,
    currency: "EUR",
  });
  expect(view.createdAt).toBe("2027-01-01T12:00:00.000Z");
  expect(view.failureReason).toBeUndefined();
  const never = { requestedAt: null, completedAt: null, restoredAt: null, reason: null };
  expect(view.steps).toEqual([
    { ...never, name: "STOCK", status: "COMPLETED", requestedAt: time(0), completedAt: time(1) },
    { ...never, name: "COUPON", status: "REQUESTED", requestedAt: time(0) },
    { ...never, name: "POINT", status: "SKIPPED" },
    { ...never, name: "PAYMENT", status: "PENDING" },
    { ...never, name: "SHIPPING", status: "PENDING" },
  ]);
});

test("an order that the saga has not seen is PENDING, and shows already which steps it needs", () => {
  const order = stateAfter([orderCreated({ COUPON: false })]).order!;
  const view = pendingView(order);
  expect(view).toMatchObject({ orderId, status: "PENDING", payableAmount: 2_800 });
  expect(view.steps.map(({ status }) => status)).toEqual(["PENDING", "SKIPPED", "PENDING", "PENDING", "PENDING"]);
});

test("a cancelled order says why, and what was restored when", () => {
  const undone = [restored("STOCK"), restored("COUPON"), restored("POINT")];
  const view = viewAfter(orderCreated(), ...stageOne, failed("PAYMENT", "PAYMENT_DECLINED"), ...undone);
  expect([view.status, view.failureReason]).toEqual(["CANCELLED", "PAYMENT_DECLINED"]);
  expect(view.steps[0]).toMatchObject({ status: "RESTORED", completedAt: time(1), restoredAt: time(5) });
  expect(view.steps[3]).toMatchObject({ status: "FAILED", reason: "PAYMENT_DECLINED", completedAt: null });
});

test("an order that lacked a product says which", () => {
  const refused = [failed("STOCK", "INSUFFICIENT_STOCK", "p2"), completed("COUPON"), completed("POINT")];
  const view = viewAfter(orderCreated(), ...refused, restored("POINT"), restored("COUPON"));
  expect(view).toMatchObject({ status: "CANCELLED", failureReason: "INSUFFICIENT_STOCK", failureProductId: "p2" });
  expect(viewAfter(orderCreated(), failed("POINT", "INSUFFICIENT_POINTS"))).not.toHaveProperty("failureProductId");
});

test("a state survives JSON, and a newer release's is left alone", () => {
  const state = stateAfter(captured);
  expect(readSagaState(JSON.parse(JSON.stringify(state)))).toEqual(state);
  for (const other of [{ ...state, version: 2 }, {}, null])
    expect(() => readSagaState(other)).toThrow(expect.objectContaining({ code: "INTERNAL", retryable: true }));
});
