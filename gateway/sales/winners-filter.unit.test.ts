import { expect, test } from "bun:test";
import { collectWinners } from "./winners-filter.ts";

async function* named(prefix: string, count: number) {
  for (let i = 0; i < count; i++) yield `${prefix}-${i}`;
}

test("the filter has every winner, also with similar names, and few false positives", async () => {
  for (const prefix of ["user", "auth0|5f7c8ec7c33c6c004bbafe82", "someone@example.com"]) {
    const filter = (await collectWinners(named(prefix, 20_000), 1_000_000))!;
    for (let i = 0; i < 20_000; i++) if (!filter.has(`${prefix}-${i}`)) throw new Error(`${prefix}-${i} is missing`);
    const others = Array.from({ length: 50_000 }, (_, i) => filter.has(`other-${i}`)).filter(Boolean).length;
    expect(others).toBeLessThan(20);
  }
});

test("a winner takes at most eleven bytes, and what takes more than it may is no filter", async () => {
  for (const count of [1_000, 49_200, 49_000, 100_000]) {
    const filter = (await collectWinners(named("user", count), 10_000_000))!;
    expect(filter.bytes).toBeLessThanOrEqual(11 * count);
  }
  expect(await collectWinners(named("user", 10_000), 50_000)).toBeNull();
  expect((await collectWinners(named("user", 0), 1_000))!.has("")).toBe(false);
});
