import { writeFileSync } from "node:fs";
import pc from "picocolors";
import type { RuntimeName } from "../../stack/runtime.ts";
import { shown } from "../figures.ts";
import { describeMachine } from "../machine.ts";
import { describeOrders, progressLine } from "../progress-line.ts";
import { type BenchEnvironment, targetOf } from "../target.ts";
import { megabytesOf, SERVICES, type Usage } from "../usage.ts";
import { verified } from "../verified.ts";
import type { OrderProgress } from "./plan.ts";
import { type OrderRun, runOrders } from "./run-orders.ts";

export interface SoakOptions {
  readonly users: number;
  readonly seconds: number;
  /** File for the result as JSON. */
  readonly json?: string;
  readonly runtime: RuntimeName;
}

/** Twelve seconds on average: 1,000 people place about 80 orders a second, and some 49,000 in ten minutes. */
const THINK_MS = [10_000, 14_000] as const;
/** The least that must be placed: 45,000 orders of 1,000 people in ten minutes. */
const ORDERS_A_PERSON_AND_S = 45_000 / 1_000 / 600;
/** Until each user has ordered once; a short soak is over before that. */
const WARM_S = THINK_MS[1] / 1_000;
const LOOK_MS = 10_000;

/**
 * People order, wait for the end, think, and order again for a long time. Then every promise is checked, and the memory of each
 * process is reported.
 * @returns the exit code: 0 when everything was right, else 1
 */
export async function runSoak(options: SoakOptions, env: BenchEnvironment): Promise<0 | 1> {
  const target = targetOf(env);
  const { users, seconds } = options;
  const machine = describeMachine();
  const line = progressLine(process.stdout, LOOK_MS);
  const memory: Usage[] = [];
  const look = () => void memory.push(megabytesOf(target));
  const expected = users * ORDERS_A_PERSON_AND_S * Math.max(0, seconds - WARM_S);
  let timer: ReturnType<typeof setInterval> | undefined;
  let progress: OrderProgress | undefined;
  const run = await runOrders(
    target,
    {
      orders: Math.ceil(users * (1 + seconds / (THINK_MS[0] / 1_000))),
      users,
      pace: { kind: "people", thinkMs: THINK_MS },
      plainEvery: 0,
      seconds,
    },
    {
      onStep: (text) => console.log(`· ${text}`),
      async onReady() {
        look();
        timer = setInterval(look, LOOK_MS);
      },
      onProgress(now) {
        progress = now;
        line.show(describeOrders(now, Math.max(expected, now.placed)));
      },
    },
  ).finally(() => clearInterval(timer));
  look();
  if (progress !== undefined) line.end();
  console.log("· checking every promise …\n");
  const report = await verified(env);
  const wrong = [
    ...run.outcome.wrong,
    ...report.checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.detail}`),
    ...(run.outcome.placed < expected
      ? [`only ${run.outcome.placed} orders were placed, ${Math.ceil(expected)} should be`]
      : []),
  ];
  const result = soakResult(run, memory, users);
  print(result);
  console.log(wrong.length === 0 ? pc.green("\n✓ exactly as promised") : pc.red(`\n✗ ${wrong.join("\n✗ ")}`));
  if (options.json !== undefined) {
    const correct = wrong.length === 0;
    const summary = {
      scenario: "orders-soak",
      runtime: options.runtime,
      correct,
      wrong,
      ...result,
      machine,
      verify: report,
    };
    writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  }
  return wrong.length === 0 ? 0 : 1;
}

function soakResult({ outcome, load, figures }: OrderRun, memory: readonly Usage[], users: number) {
  const { placed, completed, cancelled, reasons, unsettled, captured, refunded } = outcome;
  const per = SERVICES.map((service) => {
    const seen = memory.map((usage) => usage[service]);
    const largest = seen.some((mb) => mb === null) ? null : Math.max(...(seen as number[]));
    return [service, { start: seen[0]!, end: seen.at(-1)!, largest }] as const;
  });
  return {
    users,
    seconds: load.seconds,
    ...{ placed, completed, cancelled, reasons, unsettled, captured, refunded },
    ...figures,
    rss_mb: Object.fromEntries(per),
  };
}

function print({ rss_mb, reasons, ...rest }: ReturnType<typeof soakResult>): void {
  for (const [name, value] of Object.entries(rest)) console.log(`  ${name.padEnd(26)}${shown(value).padStart(12)}`);
  for (const [reason, n] of Object.entries(reasons))
    console.log(`  ${`  ${reason}`.padEnd(26)}${shown(n).padStart(12)}`);
  console.log("  memory, MB: at the start, at the end, at most");
  for (const [service, { start, end, largest }] of Object.entries(rss_mb)) {
    const columns = [start, end, largest].map((mb) => shown(mb === null ? null : Math.round(mb)).padStart(8)).join("");
    console.log(`  ${service.padEnd(26)}${columns}`);
  }
}
