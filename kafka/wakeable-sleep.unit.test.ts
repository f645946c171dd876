import { expect, test } from "bun:test";
import { Wakeable } from "./wakeable-sleep.ts";

test("a sleeper is woken at once, and is awake then", async () => {
  const wakeable = new Wakeable();
  const begun = performance.now();
  const slept = wakeable.sleep(10_000);
  expect(wakeable.isAsleep).toBe(true);
  wakeable.wake();
  await slept;
  expect(wakeable.isAsleep).toBe(false);
  expect(performance.now() - begun).toBeLessThan(1_000);
});

test("not woken, it sleeps for its whole time", async () => {
  const wakeable = new Wakeable();
  const begun = performance.now();
  await wakeable.sleep(30);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
  expect(wakeable.isAsleep).toBe(false);
});

test("a call that comes while nothing sleeps is not kept for later", async () => {
  const wakeable = new Wakeable();
  wakeable.wake();
  const begun = performance.now();
  await wakeable.sleep(30);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
});
