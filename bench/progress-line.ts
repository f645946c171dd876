import type { LoadProgress } from "./load/plan.ts";
import type { OrderProgress } from "./orders/plan.ts";

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const WIDTH = 24;
/** Without a terminal a line is not overwritten: fewer of them. */
const PLAIN_MS = 500;

/** A line that is written over on a terminal, and elsewhere a line every `plainMs`. `end` finishes it. */
export function progressLine(output: Output, plainMs: number = PLAIN_MS) {
  let last = Number.NEGATIVE_INFINITY;
  let text = "";
  return {
    show(line: string): void {
      text = line;
      if (output.isTTY) output.write(`\r\x1b[2K${text}`);
      else if (performance.now() - last > plainMs) {
        last = performance.now();
        output.write(`${text}\n`);
        text = "";
      }
    },
    end(): void {
      if (output.isTTY && text !== "") output.write("\n");
    },
  };
}

/** `[#####     ] 25,000 requests · 1,000 winners · 24,000 refused · 300 persisted · p50 9 ms p99 31 ms` */
export function describeRush(progress: LoadProgress, persisted: number, total: number): string {
  const { requests, statuses, p50Ms, p99Ms } = progress;
  const winners = statuses[202] ?? 0;
  const counts = `${n(requests)} requests · ${n(winners)} winners · ${n(requests - winners)} refused · ${n(persisted)} persisted`;
  return `${bar(requests, total)} ${counts} · p50 ${p50Ms.toFixed(1)} ms p99 ${p99Ms.toFixed(1)} ms`;
}

/** `[#####     ] 1,300 placed · 1,000 completed · 110 cancelled · p50 180 ms p95 310 ms`; the bar shows those that ended. */
export function describeOrders({ placed, completed, cancelled, p50Ms, p95Ms }: OrderProgress, total: number): string {
  const counts = `${n(placed)} placed · ${n(completed)} completed · ${n(cancelled)} cancelled`;
  return `${bar(completed + cancelled, total)} ${counts} · p50 ${p50Ms.toFixed(0)} ms p95 ${p95Ms.toFixed(0)} ms`;
}

function bar(done: number, total: number): string {
  const filled = Math.min(WIDTH, Math.round((done / total) * WIDTH));
  return `[${"#".repeat(filled)}${" ".repeat(WIDTH - filled)}]`;
}

const n = (value: number) => value.toLocaleString("en-US");
