import { describe, expect, test } from "bun:test";
import type { ProducerStats } from "./kafka.ts";
import { PATIENCE, ProducerProgress } from "./renewed-producer.ts";

const NEW: ProducerStats = { queued: 0, sent: 0, acknowledged: 0, failed: 0, connected: true, fatal: false };

/** Looks once a second at a client whose counts change as told; the second at which it was given up, or null. */
function givenUpAfter(seconds: number, countsAt: (second: number) => Partial<ProducerStats>): number | null {
  const progress = new ProducerProgress(NEW, PATIENCE);
  for (let second = 1; second <= seconds; second++) {
    if (progress.look({ ...NEW, ...countsAt(second) }, second * 1_000) !== null) return second;
  }
  return null;
}

describe("a client is replaced", () => {
  test("at once when it can never send again", () => {
    expect(givenUpAfter(5, (second) => ({ fatal: second === 2 }))).toBe(2);
  });

  test("when records have failed for 30 s beside a connected broker", () => {
    expect(givenUpAfter(60, (failed) => ({ failed }))).toBe(31);
  });

  test("when they have failed for two minutes without one, which is longer than most outages", () => {
    expect(givenUpAfter(300, (failed) => ({ failed, connected: false }))).toBe(121);
  });

  test("at a new failure only, if nothing is sent meanwhile", () => {
    expect(givenUpAfter(300, (second) => ({ failed: second < 200 ? 1 : 2 }))).toBe(200);
  });
});

describe("a client is kept", () => {
  test("while some of its records fail and others arrive", () => {
    const sick = (second: number) => ({ failed: second, acknowledged: Math.floor(second / 25) });
    expect(givenUpAfter(1_000, sick)).toBeNull();
  });

  test("while nothing is sent", () => {
    expect(givenUpAfter(1_000, () => ({}))).toBeNull();
    expect(givenUpAfter(1_000, () => ({ failed: 3, queued: 7 }))).toBeNull();
  });

  test("when an outage ends, whose last records fail while a broker is there again", () => {
    const outage = (second: number) => ({ failed: Math.min(second, 100), connected: second >= 95 });
    expect(givenUpAfter(120, outage)).toBeNull();
  });

  test("after an outage: the first record that arrives wipes out what was before", () => {
    const outages = (second: number) => ({
      connected: second % 100 >= 90,
      failed: Math.floor(second / 100) * 90 + Math.min(second % 100, 90),
      acknowledged: Math.floor(second / 100) + (second % 100 > 95 ? 1 : 0),
    });
    expect(givenUpAfter(1_000, outages)).toBeNull();
  });
});
