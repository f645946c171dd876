import type { Figures } from "../figures.ts";
import { cpuMicros, pidsOf } from "../processes.ts";
import type { Target } from "../target.ts";
import { type DriveOptions, drive } from "./drive.ts";
import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

export interface MeasuredLoad {
  readonly result: LoadResult;
  /** The figures that every load has. */
  readonly figures: Figures;
  /** `performance.now()` of the first request. */
  readonly startedAt: number;
}

/** What a scenario says about its load; the rest follows from the target. */
export type LoadWish = Pick<LoadPlan, "path" | "connections" | "users" | "amount" | "seconds"> &
  Partial<Pick<LoadPlan, "startAtMs">>;

/** Drives POSTs at the gateway and reads its CPU time around them. */
export async function measureLoad(target: Target, wish: LoadWish, watch: DriveOptions = {}): Promise<MeasuredLoad> {
  const gateways = pidsOf(target.runDir, "gateway");
  let before: number | null = null;
  const offset = performance.now() - Date.now();
  const plan: LoadPlan = {
    startAtMs: null,
    ...wish,
    ...target.tokens,
    client: target.client,
    host: target.host,
    port: target.port,
    method: "POST",
  };
  const result = await drive(plan, {
    ...watch,
    onReady() {
      before = cpuMicros(gateways);
      watch.onReady?.();
    },
  });
  const after = cpuMicros(gateways);
  const latency = Histogram.parse(result.latency);
  const figures: Figures = {
    requests: result.requests,
    seconds: result.seconds,
    rps: result.requests / result.seconds,
    p50_ms: latency.percentile(50) / 1000,
    p99_ms: latency.percentile(99) / 1000,
    max_ms: latency.max / 1000,
    cpu_us_per_request: before === null || after === null ? null : (after - before) / result.requests,
  };
  return { result, figures, startedAt: result.startedAtMs + offset };
}

/** What is wrong with answers that should all have one of these statuses. */
export function unexpected(result: LoadResult, expected: readonly number[]): string[] {
  const wrong: string[] = [];
  if (result.errors > 0) wrong.push(`${result.errors} requests got no answer`);
  for (const [status, count] of Object.entries(result.statuses)) {
    if (!expected.includes(Number(status))) wrong.push(`${count} × ${status}: ${result.samples[Number(status)]}`);
  }
  return wrong;
}
