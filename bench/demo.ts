import { writeFileSync } from "node:fs";
import type { VerifyReport } from "../verify/check.ts";
import { demoOrdersTable, runDemoOrders } from "./demo-orders.ts";
import { type DemoLine, demoTable, inFile, printTable, servicesLine, whatNext } from "./demo-report.ts";
import type { LoadClientName } from "./load/plan.ts";
import { describeRush, progressLine } from "./progress-line.ts";
import { type RushBenchOptions, runRush } from "./rush.ts";
import { type BenchEnvironment, type Target, targetOf } from "./target.ts";
import { verified } from "./verified.ts";

export interface DemoOptions extends Partial<RushBenchOptions> {
  /** Of the second act; 0: there is none. */
  readonly orders?: number;
  /** File for the result as JSON. */
  readonly json?: string;
  readonly client?: LoadClientName;
}

/** What an act came to. */
interface Act {
  readonly table: readonly DemoLine[];
  readonly report: VerifyReport;
  /** Sentences; empty when everything is as promised. */
  readonly wrong: readonly string[];
}

/**
 * The demo: a crowd fights for coupons, then people order, and after each a checker proves that all is right. The stack
 * must be up.
 * @returns the exit code: 0 when everything is as promised, else 1
 */
export async function runDemo(options: DemoOptions, env: BenchEnvironment): Promise<0 | 1> {
  const { orders: wanted = 5_000 } = options;
  const target = targetOf(env, options.client);
  const { couponId, ...rush } = await firstAct(target, options);
  const orders = wanted === 0 ? null : await secondAct(target, wanted);
  console.log(whatNext(target, couponId));
  const wrong = [...rush.wrong, ...(orders?.wrong ?? [])];
  if (options.json !== undefined) {
    const first = { ...inFile(rush.table), couponId, verify: rush.report };
    const second = orders === null ? {} : { orders: { ...inFile(orders.table), verify: orders.report } };
    const summary = { ok: wrong.length === 0, wrong, ...first, ...second };
    writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  }
  return wrong.length === 0 ? 0 : 1;
}

async function firstAct(target: Target, options: DemoOptions): Promise<Act & { readonly couponId: string }> {
  const { users = 50_000, coupons = 1000, connections = 512, sockets = 300 } = options;
  const line = progressLine(process.stdout);
  const result = await runRush(target, { users, coupons, connections, sockets }, {
    onStep: (text) => console.log(`· ${text}`),
    onProgress: (progress, persisted) => line.show(describeRush(progress, persisted, users)),
  }); // biome-ignore format: the options are one thought
  line.end();
  const { couponId } = result;
  const report = await checked(target, couponId);
  const table = [servicesLine(target.env), ...demoTable(result, report)];
  return { ...judged({ table, report, wrong: result.wrong }), couponId };
}

async function secondAct(target: Target, orders: number): Promise<Act> {
  console.log(`Now ${orders.toLocaleString("en-US")} flash orders: coupon, points and card; one in ten is doomed.\n`);
  const run = await runDemoOrders(target, orders);
  const report = await checked(target); // all of it, because an order changes stock, points, coupons and payments
  return judged({ table: demoOrdersTable(run, report), report, wrong: run.outcome.wrong });
}

function checked(target: Target, couponId: string | null = null): Promise<VerifyReport> {
  console.log("· checking every promise …\n");
  return verified(target.env, couponId);
}

/** Prints what an act came to. */
function judged(act: Act): Act {
  const broken = act.report.checks.filter((check) => !check.ok).map(({ name, detail }) => `${name}: ${detail}`);
  const wrong = [...act.wrong, ...broken];
  printTable(act.table);
  console.log(wrong.length === 0 ? "\n✓ exactly as promised\n" : `\n✗ ${wrong.join("\n✗ ")}\n`);
  return { ...act, wrong };
}
