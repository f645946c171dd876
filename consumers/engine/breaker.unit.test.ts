import { expect, test } from "bun:test";
import { Breaker } from "./breaker.ts";

const RULE = {
  window: 4,
  minimum: 2,
  opens: (failures: number, calls: number) => failures > calls / 2,
  openMs: 1_000,
};

function scenario() {
  const changes: boolean[] = [];
  const breaker = new Breaker(RULE, (open) => changes.push(open));
  /** s: a call that works, f: one that fails. */
  const calls = (what: string) => {
    for (const one of what) breaker.count(one === "s");
  };
  return { breaker, changes, calls };
}

test.each([
  ["f", false],
  ["ff", true],
  ["sf", false],
  ["sff", true],
  ["ssff", false],
  ["fs", false],
  ["fsf", true],
  ["sssff", false],
  ["sssfff", true],
  ["fsfsfsfs", false],
])("after %s it is open: %p", (what, open) => {
  const { breaker, calls } = scenario();
  calls(what);
  expect(breaker.isOpen).toBe(open);
});

test("closed, all may begin; open, one in a second, and none when there is no room", () => {
  const { breaker, calls, changes } = scenario();
  expect(breaker.allowed(7, 0)).toBe(7);
  calls("ff");
  expect([0, 1, 999, 1_000, 1_001].map((now) => breaker.allowed(7, now))).toEqual([1, 0, 0, 1, 0]);
  expect(breaker.allowed(0, 2_000)).toBe(0);
  expect([breaker.allowed(7, 2_001), breaker.tries]).toEqual([1, 3]);
  expect(changes).toEqual([true]);
});

test("a try that fails keeps it open; the first that works closes it and is the first call of the new window", () => {
  const { breaker, calls, changes } = scenario();
  calls("fff");
  expect(changes).toEqual([true]);
  calls("s");
  expect([breaker.isOpen, breaker.allowed(7, 0), breaker.tries]).toEqual([false, 7, 0]);
  calls("f");
  expect(breaker.isOpen).toBe(false);
  calls("f");
  expect(changes).toEqual([true, false, true]);
});

test("who asks for a pause gets it; an earlier end of the pause shortens nothing", () => {
  const { breaker } = scenario();
  breaker.count(false, { notBefore: 9_000 });
  breaker.count(false, { notBefore: 5_000 });
  breaker.count(false, { notBefore: 3_000 });
  expect([4_999, 5_000, 5_999, 6_000].map((now) => breaker.allowed(7, now))).toEqual([0, 1, 0, 1]);
});

test("a pause that was asked for while it is closed does not outlast its opening", () => {
  const { breaker } = scenario();
  breaker.count(false, { notBefore: 9_000 });
  breaker.count(false);
  expect(breaker.allowed(7, 0)).toBe(1);
});

test("the window holds the last call of each key, and calls without a key one by one", () => {
  const { breaker } = scenario();
  for (let i = 0; i < 10; i++) breaker.count(false, { key: "ann" });
  expect([breaker.isOpen, breaker.failing()]).toEqual([false, ["ann"]]);
  breaker.count(true, { key: "ann" });
  breaker.count(true, { key: "ben" });
  breaker.count(false, { key: "cid" });
  expect([breaker.isOpen, breaker.failing()]).toEqual([false, ["cid"]]);
  breaker.count(false, { key: "ann" });
  expect([breaker.isOpen, breaker.failing()]).toEqual([true, ["cid", "ann"]]);
});
