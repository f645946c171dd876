import type { VerifyReport } from "../verify/check.ts";
import { type DemoLine, verifiedLine } from "./demo-report.ts";
import { shown } from "./figures.ts";
import { type OrderRun, runOrders } from "./orders/run-orders.ts";
import { describeOrders, progressLine } from "./progress-line.ts";
import type { Target } from "./target.ts";

/** Each of them listens on a WebSocket and places five of 5,000 orders. */
const USERS = 1_000;
/** Orders under way at once: enough to keep two cores busy, and no more than they settle in a few tenths of a second. */
const PLACES = 256;
const PLAIN_MS = 2_000;

/** The demo's second act: flash orders with coupon, points and payment, a tenth of them doomed in five ways. */
export async function runDemoOrders(target: Target, orders: number): Promise<OrderRun> {
  const line = progressLine(process.stdout, PLAIN_MS);
  const run = await runOrders(
    target,
    { orders, users: USERS, pace: { kind: "closed", places: PLACES }, plainEvery: 0 },
    {
      onStep: (text) => console.log(`· ${text}`),
      onProgress: (progress) => line.show(describeOrders(progress, orders)),
    },
  );
  line.end();
  return run;
}

/** The second act's table, for people and for the file. */
export function demoOrdersTable({ outcome, figures }: OrderRun, report: VerifyReport): DemoLine[] {
  const line = (name: string, label: string, value: number, unit = ""): DemoLine => ({
    name,
    label,
    value,
    shown: `${shown(value)}${unit}`,
  });
  const { placed, completed, cancelled, reasons, unsettled, captured, refunded } = outcome;
  const why = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  return [
    line("placed", "orders placed", placed),
    line("completed", "completed", completed),
    line("cancelled", "cancelled", cancelled),
    ...why.map(([reason, n]) => ({ name: null, label: `  ${reason}`, value: n, shown: shown(n) })),
    { name: "reasons", label: null, value: reasons, shown: "" },
    line("unsettled", "stuck", unsettled),
    { name: "captured", label: "money captured", value: captured, shown: euros(captured) },
    { name: "refunded", label: "money refunded", value: refunded, shown: euros(refunded) },
    line("orders_per_s", "orders per second", figures.orders_per_s),
    line("e2e_p50_ms", "p50, POST to the last message", figures.e2e_p50_ms, " ms"),
    line("e2e_p95_ms", "p95", figures.e2e_p95_ms, " ms"),
    line("e2e_p99_ms", "p99", figures.e2e_p99_ms, " ms"),
    verifiedLine(report),
  ];
}

/** @param cents minor units of the products' currency */
const euros = (cents: number) =>
  `${(cents / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} EUR`;
