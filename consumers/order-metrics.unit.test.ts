import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { clock } from "../test/saga/given.ts";
import { failed, orderCreated, orderId, restored, stageOne } from "../test/saga/orders.ts";
import { createOrderMetrics } from "./order-metrics.ts";
import { foldOrder } from "./saga/fold-order.ts";

const PARALLEL = { mode: "PARALLEL", parallelPercent: 100 } as const;

function shown() {
  const registry = new Registry();
  const metrics = createOrderMetrics(registry);
  const lines = async (name: string) =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return { metrics, lines };
}

test("an order is counted once however often its events come: how it ended and why, and what each step said", async () => {
  const { metrics, lines } = shown();
  const undone = [restored("POINT"), restored("COUPON"), restored("STOCK")];
  const events = [orderCreated(), ...stageOne, failed("PAYMENT", "PAYMENT_DECLINED"), ...undone];
  const first = foldOrder(orderId, null, events, { at: clock(2), mode: PARALLEL });
  metrics.advanced([first]);
  metrics.advanced([foldOrder(orderId, first.state, events, { at: clock(60), mode: PARALLEL })]);
  expect(await lines("stampede_opened_orders_total")).toEqual(['stampede_opened_orders_total{steps="PARALLEL"} 1']);
  expect(await lines("stampede_settled_orders_total")).toEqual([
    'stampede_settled_orders_total{status="CANCELLED",reason="PAYMENT_DECLINED"} 1',
  ]);
  expect(await lines("stampede_order_settle_seconds_sum")).toEqual([
    'stampede_order_settle_seconds_sum{status="CANCELLED"} 2',
  ]);
  const steps = await lines("stampede_order_steps_total");
  expect(steps).toHaveLength(7);
  expect(steps).toContain('stampede_order_steps_total{step="PAYMENT",outcome="FAILED",reason="PAYMENT_DECLINED"} 1');
  expect(steps).toContain('stampede_order_steps_total{step="COUPON",outcome="RESTORED",reason=""} 1');
});

test("what is under way is shown with its age, and what is over is shown no more", async () => {
  const { metrics, lines } = shown();
  metrics.surveyed([
    { what: "OPEN", name: "PROCESSING", count: 7, oldestS: 3 },
    { what: "OPEN", name: "COMPENSATING", count: 2, oldestS: 1_000 },
    { what: "OVERDUE", name: "COMPENSATING", count: 1, oldestS: 1_000 },
    { what: "PAYMENT", name: "CHARGE", count: 4, oldestS: 2 },
    { what: "PARKED", name: "STOCK", count: 9, oldestS: 31 },
  ]);
  expect(await lines("stampede_open_orders")).toEqual([
    'stampede_open_orders{status="PROCESSING"} 7',
    'stampede_open_orders{status="COMPENSATING"} 2',
  ]);
  expect(await lines("stampede_overdue_orders")).toEqual(["stampede_overdue_orders 1"]);
  expect(await lines("stampede_unsettled_payments")).toEqual(['stampede_unsettled_payments{waiting="CHARGE"} 4']);
  expect(await lines("stampede_parked_commands")).toEqual(['stampede_parked_commands{step="STOCK"} 9']);
  expect(await lines("stampede_oldest_seconds")).toEqual([
    'stampede_oldest_seconds{what="order"} 1000',
    'stampede_oldest_seconds{what="payment"} 2',
    'stampede_oldest_seconds{what="command"} 31',
  ]);
  metrics.surveyed([]);
  expect(await lines("stampede_open_orders")).toEqual([]);
  expect(await lines("stampede_overdue_orders")).toEqual(["stampede_overdue_orders 0"]);
  expect(await lines("stampede_oldest_seconds")).toContain('stampede_oldest_seconds{what="order"} 0');
});
