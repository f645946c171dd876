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

test("nobody wakes it: it sleeps as long as it wanted", async () => {
  const wakeable = new Wakeable();
  const begun = performance.now();
  await wakeable.sleep(30);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
  expect(wakeable.isAsleep).toBe(false);
});

test("a call that comes while nobody sleeps is not kept for later", async () => {
  const wakeable = new Wakeable();
  wakeable.wake();
  const begun = performance.now();
  await wakeable.sleep(30);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
});
