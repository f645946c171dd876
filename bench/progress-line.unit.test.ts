import { expect, test } from "bun:test";
import { describeOrders, describeRush, progressLine } from "./progress-line.ts";

const half = { requests: 25_000, statuses: { 202: 1000, 409: 24_000 }, p50Ms: 9.44, p99Ms: 31.2 };

test("the line tells requests, winners, refusals, persisted rows and latencies", () => {
  expect(describeRush(half, 300, 50_000)).toBe(
    "[############            ] 25,000 requests · 1,000 winners · 24,000 refused · 300 persisted · p50 9.4 ms p99 31.2 ms",
  );
});

test("of orders it tells how many were placed, completed and cancelled, and how long they take", () => {
  const progress = { placed: 1_400, completed: 1_100, cancelled: 150, p50Ms: 180.4, p95Ms: 310.6 };
  expect(describeOrders(progress, 5_000)).toBe(
    "[######                  ] 1,400 placed · 1,100 completed · 150 cancelled · p50 180 ms p95 311 ms",
  );
});

test("a terminal's line is written over; elsewhere lines are few", () => {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const onTerminal = progressLine({ isTTY: true, write });
  for (let i = 0; i < 3; i++) onTerminal.show("half");
  onTerminal.end();
  expect(written.slice(0, -1).join("")).not.toContain("\n");
  expect(written.at(-1)).toBe("\n");
  written.length = 0;
  const inFile = progressLine({ write });
  for (let i = 0; i < 3; i++) inFile.show("half");
  inFile.end();
  expect(written).toEqual(["half\n"]);
});
