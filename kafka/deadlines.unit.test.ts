import { afterEach, describe, expect, test } from "bun:test";
import { type Expirable, RecordDeadlines } from "./deadlines.ts";
import type { KafkaError } from "./kafka.ts";

class Item implements Expirable {
  settled = false;
  error: KafkaError | undefined;
  after: number | undefined;
  readonly #began = performance.now();
  expire(error: KafkaError): void {
    this.settled = true;
    this.error = error;
    this.after = performance.now() - this.#began;
  }
}

const atOnce = (then: () => void) => then();
let deadlines = new RecordDeadlines(atOnce);
afterEach(() => {
  deadlines.clear();
  deadlines = new RecordDeadlines(atOnce);
});

describe("deadlines", () => {
  test("expire at their time, never before, in the order of their times", async () => {
    const items = [60, 20, 0, -5].map((ms) => {
      const item = new Item();
      deadlines.add(item, ms);
      return item;
    });
    await Bun.sleep(150);
    for (const [i, ms] of [60, 20, 0, 0].entries()) {
      expect(items[i]!.error).toMatchObject({ code: "ACK_DEADLINE", retryable: true });
      expect(items[i]!.after).toBeGreaterThanOrEqual(ms);
    }
    expect(items[1]!.after!).toBeLessThan(items[0]!.after!);
  });

  test("pass a settled item unnoticed", async () => {
    const item = new Item();
    deadlines.add(item, 10);
    item.settled = true;
    await Bun.sleep(50);
    expect(item.error).toBeUndefined();
  });

  test("let reports that are already here count as on time", async () => {
    const item = new Item();
    const none = new Item();
    const first = new RecordDeadlines((then) => {
      item.settled = true;
      setTimeout(then, 20); // an adapter that must let its event loop turn before it sees reports
    });
    first.add(item, 10);
    first.add(none, 10);
    await Bun.sleep(80);
    expect(item.error).toBeUndefined();
    expect(none.error).toBeDefined();
    first.clear();
  });

  test("give one error to everything that expires together, because a stalled broker expires thousands", async () => {
    const items = Array.from({ length: 100 }, () => new Item());
    for (const item of items) deadlines.add(item, 30);
    await Bun.sleep(80);
    // A tick may begin between two of them.
    expect(new Set(items.map(({ error }) => error)).size).toBeLessThanOrEqual(2);
    expect(items.every(({ error }) => error !== undefined)).toBe(true);
  });

  test("start again after a pause", async () => {
    for (let round = 0; round < 3; round++) {
      const item = new Item();
      deadlines.add(item, 5);
      await Bun.sleep(60);
      expect(item.error).toBeDefined();
    }
  });

  test("survive the sweep of settled items, and the open ones among them still expire", async () => {
    const open = new Item();
    deadlines.add(open, 100);
    for (let i = 0; i < 50_000; i++) {
      const item = new Item();
      deadlines.add(item, 60_000);
      item.settled = true;
    }
    const last = new Item();
    deadlines.add(last, 100);
    await Bun.sleep(250);
    expect(open.error).toBeDefined();
    expect(last.error).toBeDefined();
  });
});
