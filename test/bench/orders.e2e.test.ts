import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoOrdersTable } from "../../bench/demo-orders.ts";
import { inFile } from "../../bench/demo-report.ts";
import { runOrders } from "../../bench/orders/run-orders.ts";
import { runBench } from "../../bench/run.ts";
import { targetOf } from "../../bench/target.ts";
import { freePort } from "../support/free-port.ts";
import { startPaymentSimulator, type TestProcess } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { verify } from "../support/verify.ts";

setDefaultTimeout(180_000);

const simulatorPort = freePort();
const dir = mkdtempSync(join(tmpdir(), "stampede-bench-"));
let system: System;
let simulator: TestProcess;
beforeAll(async () => {
  const consumersEnv = { PAYMENT_PROVIDER_URL: `http://127.0.0.1:${simulatorPort}` };
  [simulator, system] = await Promise.all([
    startPaymentSimulator({}, simulatorPort),
    startSystem("bench_orders", { consumersEnv }),
  ]);
});
afterAll(async () => {
  await Promise.all([system?.close(), simulator?.stop()]);
  rmSync(dir, { recursive: true });
});

/** Where the test's processes are, as `./dev bench` would be told. */
function environment() {
  const { databaseUrl, gateways, consumers, stack } = system;
  const port = String(gateways[0]!.port);
  const ports = { GATEWAY_PORT: port, ADMIN_PORT: port, CONSUMERS_PORT: String(consumers[0]!.port) };
  return { ...stack.env, ...ports, DATABASE_URL: databaseUrl, PAYMENT_PROVIDER_URL: simulator.url };
}

test("the second act: every order ends as it must, its owner is told, the books balance, and the table says so", async () => {
  const target = targetOf(environment());
  const progress: number[] = [];
  const run = await runOrders(
    target,
    { orders: 100, users: 20, pace: { kind: "closed", places: 16 }, plainEvery: 0 },
    { onProgress: ({ placed }) => void progress.push(placed) },
  );
  expect(run.outcome.wrong).toEqual([]);
  const { completed, cancelled, reasons } = run.outcome;
  // The tenth that must fail: two of each kind; a cancellation may come too late.
  const late = 2 - (reasons.CANCELLED_BY_USER ?? 0);
  expect([completed, cancelled]).toEqual([90 + late, 10 - late]);
  const doomed = { PAYMENT_DECLINED: 2, SHIPPING_NOT_SERVED: 2, INSUFFICIENT_POINTS: 2, INSUFFICIENT_STOCK: 2 };
  expect(reasons).toMatchObject(doomed);
  expect(progress.toSorted((a, b) => a - b)).toEqual(progress);
  const table = demoOrdersTable(run, await verify(target.env));
  expect(inFile(table)).toMatchObject({ placed: 100, completed, cancelled, reasons, unsettled: 0, verified: true });
  expect(table.map(({ label }) => label)).toContain("  PAYMENT_DECLINED");
});

test("at a rate, orders are placed when they are due, and not because others have ended", async () => {
  const pace = { kind: "rate", perSecond: 50 } as const;
  const { outcome, load } = await runOrders(targetOf(environment()), { orders: 50, users: 10, pace, plainEvery: 5 });
  expect(outcome).toMatchObject({ placed: 50, unsettled: 0, wrong: [] });
  expect(load.seconds).toBeGreaterThan(0.97);
});

test("the bench has each mode under its name, with messages and rows per order", async () => {
  const json = join(dir, "orders.json");
  const orders = { orders: 60, users: 20, modes: ["sequential"] as const };
  expect(await runBench("orders", { runs: 1, json, runtime: "bun", orders }, environment())).toBe(0);
  const { correct, median } = JSON.parse(readFileSync(json, "utf8"));
  expect(correct).toBe(true);
  for (const figures of [median, median.sequential]) {
    expect(figures).toMatchObject({ requests: 60, unsettled: 0, messages_per_full_order: 13 });
    // A slow machine's relay may send an order again; fewer messages than were said there can't be.
    expect(figures.messages_resent).toBeGreaterThanOrEqual(0);
    expect(figures.completed + figures.cancelled).toBe(60);
    expect(figures.e2e_p95_ms).toBeGreaterThanOrEqual(figures.e2e_p50_ms);
    expect(figures.rows_inserted_per_order).toBeGreaterThan(5);
  }
});
