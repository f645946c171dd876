import { expect, test } from "bun:test";
import { describe, progressLine } from "./progress-line.ts";

const half = { requests: 25_000, statuses: { 202: 1000, 409: 24_000 }, p50Ms: 9.44, p99Ms: 31.2 };

test("the line tells requests, winners, refusals, persisted rows and latencies", () => {
  expect(describe(half, 300, 50_000)).toBe(
    "[############            ] 25,000 requests · 1,000 winners · 24,000 refused · 300 persisted · p50 9.4 ms p99 31.2 ms",
  );
});

test("a terminal's line is written over; elsewhere lines are few", () => {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const onTerminal = progressLine({ isTTY: true, write }, 50_000);
  for (let i = 0; i < 3; i++) onTerminal.show(half, 0);
  onTerminal.end();
  expect(written.join("")).not.toContain("persisted · p50 9.4 ms p99 31.2 ms\n[");
  expect(written.at(-1)).toBe("\n");
  written.length = 0;
  const inFile = progressLine({ write }, 50_000);
  for (let i = 0; i < 3; i++) inFile.show(half, 0);
  inFile.end();
  expect(written).toHaveLength(1);
});
