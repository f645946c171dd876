import type { LoadProgress } from "./load/plan.ts";

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const WIDTH = 24;
/** Without a terminal a line is not overwritten: fewer of them. */
const PLAIN_MS = 500;

/** A line that is written over on a terminal, and lines now and then elsewhere. `end` finishes it. */
export function progressLine(output: Output, total: number) {
  let last = Number.NEGATIVE_INFINITY;
  let text = "";
  return {
    show(progress: LoadProgress, persisted: number): void {
      text = describe(progress, persisted, total);
      if (output.isTTY) output.write(`\r\x1b[2K${text}`);
      else if (performance.now() - last > PLAIN_MS) {
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
export function describe(progress: LoadProgress, persisted: number, total: number): string {
  const { requests, statuses, p50Ms, p99Ms } = progress;
  const winners = statuses[202] ?? 0;
  const filled = Math.min(WIDTH, Math.round((requests / total) * WIDTH));
  const bar = `[${"#".repeat(filled)}${" ".repeat(WIDTH - filled)}]`;
  const n = (value: number) => value.toLocaleString("en-US");
  const counts = `${n(requests)} requests · ${n(winners)} winners · ${n(requests - winners)} refused · ${n(persisted)} persisted`;
  return `${bar} ${counts} · p50 ${p50Ms.toFixed(1)} ms p99 ${p99Ms.toFixed(1)} ms`;
}
