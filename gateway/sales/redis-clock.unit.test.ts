import { expect, test } from "bun:test";
import { RedisClock } from "./redis-clock.ts";

test("it shows Redis' time, and asks for it once however often it is asked", async () => {
  let asked = 0;
  const clock = new RedisClock(async () => {
    asked++;
    return Date.UTC(2030, 0, 1);
  });
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000); // not known yet
  await Bun.sleep(1);
  for (let i = 0; i < 100; i++) expect(clock.now() - Date.UTC(2030, 0, 1)).toBeWithin(-5, 10_000);
  expect(asked).toBe(1);
});

test("a Redis that does not answer leaves this machine's clock", async () => {
  const clock = new RedisClock(() => Promise.reject(new Error("away")));
  clock.now();
  await Bun.sleep(1);
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
});
