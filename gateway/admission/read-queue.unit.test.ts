import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { ReadQueue } from "./read-queue.ts";

const MINUTE = 60_000;
const codeOf = (error: unknown) => (error instanceof StampedeError ? error.code : error);

/** Starts a read; a refusal is its result. */
async function start<T>(queue: ReadQueue, read: () => T | Promise<T>): Promise<T | unknown> {
  try {
    return await queue.run(read);
  } catch (error) {
    return codeOf(error);
  }
}

test("reads beyond the places wait in their order, and those beyond the waiting room are refused at once", async () => {
  const queue = new ReadQueue({ running: 2, waiting: 3, deadlineMs: MINUTE });
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<number>());
  const began: number[] = [];
  const results = gates.map(({ promise }, i) =>
    start(queue, () => {
      began.push(i);
      return promise;
    }),
  );
  expect(began).toEqual([0, 1]);
  expect([queue.running, queue.waiting]).toEqual([2, 3]);
  expect(await results[5]!).toBe("OVERLOADED");
  gates[1]!.resolve(1);
  await results[1];
  expect(began).toEqual([0, 1, 2]);
  for (const [i, gate] of gates.entries()) gate.resolve(i);
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4, "OVERLOADED"]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("a read that waited for the deadline is refused and never begins", async () => {
  const queue = new ReadQueue({ running: 1, waiting: 10, deadlineMs: 20 });
  const gate = Promise.withResolvers<string>();
  const first = start(queue, () => gate.promise);
  let began = 0;
  const others = Array.from({ length: 5 }, () => start(queue, () => Promise.resolve(++began)));
  expect(await Promise.all(others)).toEqual(Array(5).fill("OVERLOADED"));
  gate.resolve("done");
  expect(await first).toBe("done");
  expect(began).toBe(0);
  expect(await start(queue, async () => "again")).toBe("again");
});

test("an answer from memory takes no place, and comes in the same turn", () => {
  const queue = new ReadQueue({ running: 1, waiting: 0, deadlineMs: MINUTE });
  const results = Array.from({ length: 5 }, (_, i) => queue.run(() => i));
  expect(results).toEqual([0, 1, 2, 3, 4]);
  expect(() =>
    queue.run(() => {
      throw new Error("broken");
    }),
  ).toThrow("broken");
  expect(queue.running).toBe(0);
});

test("a failed read frees its place, now or later", async () => {
  const queue = new ReadQueue({ running: 1, waiting: 10, deadlineMs: MINUTE });
  const fail = async () => {
    throw new Error("broken");
  };
  const throwNow = () => {
    throw new Error("broken at once");
  };
  const results = await Promise.allSettled([queue.run(fail), queue.run(throwNow), queue.run(async () => 3)]);
  expect(results.map((one) => (one.status === "fulfilled" ? one.value : one.reason.message))).toEqual([
    "broken",
    "broken at once",
    3,
  ]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("never more than the places run, and every read is answered or refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.nat(5),
      fc.array(fc.nat(3), { maxLength: 40 }),
      async (places, room, pauses) => {
        const queue = new ReadQueue({ running: places, waiting: room, deadlineMs: MINUTE });
        let running = 0;
        let most = 0;
        const results = await Promise.all(
          pauses.map((pause) =>
            start(queue, async () => {
              most = Math.max(most, ++running);
              for (let i = 0; i < pause; i++) await Promise.resolve();
              running--;
              return "read";
            }),
          ),
        );
        expect(most).toBeLessThanOrEqual(places);
        expect(results.filter((one) => one === "read").length).toBe(Math.min(pauses.length, places + room));
        expect([queue.running, queue.waiting]).toEqual([0, 0]);
      },
    ),
  );
  await sleep(0);
});
