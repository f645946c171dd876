import { writeFileSync } from "node:fs";
import pc from "picocolors";
import type { PipelineChoice } from "../contracts/claims/pipeline.ts";
import type { RuntimeName } from "../stack/runtime.ts";
import { switchPipeline } from "./admin.ts";
import { compare, type Figures, medianOf, rounded, shown } from "./figures.ts";
import { gatewayMegabytes } from "./gateway.ts";
import type { LoadClientName } from "./load/plan.ts";
import { describeMachine } from "./machine.ts";
import type { Scenario, ScenarioRun, Variant } from "./scenario.ts";
import { abuse } from "./scenarios/abuse.ts";
import { claims } from "./scenarios/claims.ts";
import { ORDER_BENCH, type OrderBench, ordersScenario } from "./scenarios/orders.ts";
import { persist } from "./scenarios/persist.ts";
import { refusals } from "./scenarios/refusals.ts";
import { rush } from "./scenarios/rush.ts";
import { sockets } from "./scenarios/sockets.ts";
import { waitUntilSettled } from "./settle.ts";
import { type BenchEnvironment, type Target, targetOf } from "./target.ts";
import { verified } from "./verified.ts";

const SCENARIOS: readonly Scenario[] = [rush, claims, refusals, persist, sockets, abuse];

export interface BenchOptions {
  readonly runs: number;
  /** File for the result as JSON. */
  readonly json?: string;
  readonly client?: LoadClientName;
  /** The way of claims meanwhile; default: as it is. */
  readonly pipeline?: PipelineChoice;
  /** What runs the gateway; for the result. */
  readonly runtime: RuntimeName;
  /** Of scenario orders, where it is not as usual. */
  readonly orders?: Partial<OrderBench>;
}

/** Whether one run was right, by its own answers and rows, or by the invariant checker. */
interface RunCheck {
  readonly variant: string;
  readonly run: number;
  readonly name: "answers" | "verify";
  readonly ok: boolean;
  readonly detail: string;
}

interface VariantResult {
  readonly name: string;
  readonly runs: readonly Figures[];
  readonly median: Figures;
  readonly checks: readonly RunCheck[];
}

/** Between two runs: the process that was busy tidies up, the disk writes back. */
const PAUSE_MS = 2_000;

/**
 * Measures a scenario: every run is checked first, by its answers, by PostgreSQL and by the invariant checker; then the
 * medians are printed beside their budgets.
 * @returns the exit code: 0 when everything was right (a missed budget is no error), else 1
 */
export async function runBench(name: string, options: BenchOptions, env: BenchEnvironment): Promise<0 | 1> {
  const scenario = scenarioOf(name, options);
  const target = targetOf(env, options.client);
  const machine = describeMachine();
  const results: VariantResult[] = [];
  const back = options.pipeline === undefined ? undefined : await switchPipeline(target, options.pipeline);
  try {
    for (const variant of scenario.variants) results.push(await measure(target, variant, options.runs));
  } finally {
    await back?.();
  }
  const checks = results.flatMap((result) => result.checks);
  const correct = checks.every((check) => check.ok);
  console.log(correct ? pc.green("\n✓ answers and database are right") : pc.red(failures(checks)));
  if (options.json !== undefined) {
    const { runs } = results[0]!;
    const each = scenario.sideBySide ? Object.fromEntries(results.map((one) => [one.name, one.median])) : {};
    const median = { ...results[0]!.median, ...each };
    const variants = results.map((result) => ({ name: result.name, runs: result.runs, median: result.median }));
    const result = { scenario: name, runtime: options.runtime, correct, checks, runs, median, machine, variants };
    writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  }
  return correct ? 0 : 1;
}

/** @throws Error: there is none of this name */
function scenarioOf(name: string, { orders }: BenchOptions): Scenario {
  const all = [...SCENARIOS, ordersScenario({ ...ORDER_BENCH, ...orders })];
  const scenario = all.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return scenario;
}

async function measure(target: Target, variant: Variant, count: number): Promise<VariantResult> {
  console.log(pc.bold(`\n${variant.name}`));
  const runs: Figures[] = [];
  const checks: RunCheck[] = [];
  for (let i = 1; i <= count; i++) {
    const run = await variant.run(target);
    checks.push(...(await check(target, run)).map((one) => ({ ...one, variant: variant.name, run: i })));
    runs.push(rounded({ ...run.figures, gateway_rss_mb: gatewayMegabytes(target) }));
    console.log(pc.dim(`  run ${i}: ${shown(run.figures.rps)}/s, p99 ${shown(run.figures.p99_ms)} ms`));
    await waitUntilSettled(target);
    await Bun.sleep(PAUSE_MS);
  }
  const median = medianOf(runs);
  for (const { name, value, met, budget } of compare(median, variant.budgets)) {
    const verdict = met === null ? "" : met ? pc.green(`met (${budget})`) : pc.yellow(`not met (${budget})`);
    console.log(`  ${name.padEnd(26)}${shown(value).padStart(12)}  ${verdict}`);
  }
  return { name: variant.name, runs, median, checks };
}

async function check(target: Target, run: ScenarioRun): Promise<Pick<RunCheck, "name" | "ok" | "detail">[]> {
  const report = await verified(target.env, run.couponId);
  const broken = report.checks.filter((one) => !one.ok).map((one) => `${one.name}: ${one.detail}`);
  return [
    { name: "answers", ok: run.wrong.length === 0, detail: run.wrong.join("; ") || "as promised" },
    { name: "verify", ok: report.ok, detail: broken.join("; ") || `${report.checks.length} checks hold` },
  ];
}

const failures = (checks: readonly RunCheck[]) =>
  checks
    .filter((one) => !one.ok)
    .map((one) => `✗ ${one.variant}, run ${one.run}, ${one.name}: ${one.detail}`)
    .join("\n");
