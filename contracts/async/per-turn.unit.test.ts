import { expect, test } from "bun:test";
import { batchPerTurn, oneBatchAtATime, perTurn } from "./per-turn.ts";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("entries of one turn are worked on together, by key and in their order; the next turn's are not", async () => {
  const calls: [string, number[]][] = [];
  const add = perTurn<number, string>((entries, key) => void calls.push([key, [...entries]]));
  add(1, "a");
  add(2, "b");
  add(3, "a");
  await Promise.resolve().then(() => add(4, "b"));
  expect(calls).toEqual([]);
  await nextTurn();
  expect(calls).toEqual([
    ["a", [1, 3]],
    ["b", [2, 4]],
  ]);
  add(5, "a");
  await nextTurn();
  expect(calls.slice(2)).toEqual([["a", [5]]]);
});

test.each([
  [1, [[1], [2], [3], [4], [5]]],
  [2, [[1, 2], [3, 4], [5]]],
  [5, [[1, 2, 3, 4, 5]]],
])("at most %d entries in one call", async (most, expected) => {
  const calls: number[][] = [];
  const add = perTurn<number>((entries) => void calls.push([...entries]), most);
  for (const entry of [1, 2, 3, 4, 5]) add(entry);
  await nextTurn();
  expect(calls).toEqual(expected);
});

test("what the work adds is not lost", async () => {
  const calls: number[][] = [];
  const add = perTurn<number>((entries) => {
    calls.push([...entries]);
    if (entries[0]! < 3) add(entries[0]! + 1);
  });
  add(1);
  await nextTurn();
  await nextTurn();
  expect(calls).toEqual([[1], [2], [3]]);
});

test("each item of a turn gets its own result, and a turn need not wait for the one before", async () => {
  const batches: number[][] = [];
  let answer = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const double = batchPerTurn<number, number>(async (items) => {
    batches.push([...items]);
    if (items.includes(1)) await held;
    return items.map((item) => 2 * item);
  });
  const first = Promise.all([double(1), double(2)]);
  await nextTurn();
  expect(await double(3)).toBe(6);
  answer();
  expect(await first).toEqual([2, 4]);
  expect(batches).toEqual([[1, 2], [3]]);
});

test("a failure fails all calls of its batch, and none afterwards", async () => {
  const half = batchPerTurn<number, number>(async (items) => {
    if (items.includes(13)) throw new Error("thirteen");
    return items.map((item) => item / 2);
  });
  const both = await Promise.allSettled([half(13), half(2)]);
  expect(both.map((one) => one.status === "rejected" && one.reason.message)).toEqual(["thirteen", "thirteen"]);
  expect(await half(2)).toBe(1);
});

test("what comes while a batch is under way is the next batch; a failure fails all calls of it", async () => {
  const batches: number[][] = [];
  const double = oneBatchAtATime<number, number>(async (items) => {
    batches.push([...items]);
    await Bun.sleep(5);
    if (items.includes(13)) throw new Error("thirteen");
    return items.map((item) => 2 * item);
  }, 3);
  const first = double(1);
  await Bun.sleep(1);
  const later = await Promise.allSettled([double(2), double(3), double(4), double(13), double(5)]);
  expect(await first).toBe(2);
  expect(batches).toEqual([[1], [2, 3, 4], [13, 5]]);
  expect(later.map((one) => (one.status === "fulfilled" ? one.value : "failed"))).toEqual([
    4,
    6,
    8,
    "failed",
    "failed",
  ]);
  expect(await double(6)).toBe(12);
});
