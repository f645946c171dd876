import { expect, test } from "bun:test";
import type { Folded } from "./fold-order.ts";
import { SettleMeter } from "./settle-meter.ts";

const settledAfter = (ms: number) =>
  ({
    state: { order: { createdAt: 1_000 } },
    decisions: [{ type: "OrderSettled", status: "COMPLETED", cause: { by: "x", at: 1_000 + ms } }],
  }) as unknown as Folded;
const stillOpen = { state: { order: { createdAt: 0 } }, decisions: [] } as unknown as Folded;

test("quantiles of what settled since the last look; nothing is no news", () => {
  const meter = new SettleMeter();
  meter.advanced([stillOpen]);
  expect(meter.take()).toBeNull();
  meter.advanced(Array.from({ length: 100 }, (_, i) => settledAfter(i + 1)));
  expect(meter.take()).toMatchObject({ p50Ms: 51, p95Ms: 96, settledPerS: expect.any(Number) });
  expect(meter.take()).toBeNull();
});

test("an order that was accepted by a clock ahead of ours took no time, not less", () => {
  const meter = new SettleMeter();
  meter.advanced([settledAfter(-500)]);
  expect(meter.take()).toMatchObject({ p50Ms: 0, p95Ms: 0 });
});

test("of a rush only the latest are looked at", () => {
  const meter = new SettleMeter();
  meter.advanced(Array.from({ length: 1_000 }, () => settledAfter(1)));
  meter.advanced(Array.from({ length: 1_000 }, () => settledAfter(9_000)));
  expect(meter.take()).toMatchObject({ p50Ms: 9_000 });
});
