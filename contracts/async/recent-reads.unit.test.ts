import { expect, test } from "bun:test";
import { RecentReads } from "./recent-reads.ts";

/** Reads that wait until the test answers them. */
function scenario(options: { maxAgeMs?: number; max?: number; missingMs?: number } = {}) {
  const asked: string[] = [];
  const answers: ((value: string | null | Error) => void)[] = [];
  const reads = new RecentReads<string, string>(
    (key) => {
      asked.push(key);
      return new Promise((resolve, reject) =>
        answers.push((value) => (value instanceof Error ? reject(value) : resolve(value))),
      );
    },
    { maxAgeMs: 10_000, max: 3, ...options },
  );
  return { reads, asked, answers };
}

test("a thousand questions of one moment are one read, and the next ones none", async () => {
  const { reads, asked, answers } = scenario();
  const all = Promise.all(Array.from({ length: 1_000 }, () => reads.get("a")));
  answers[0]!("first");
  expect(new Set((await all).map(({ value }) => value))).toEqual(new Set(["first"]));
  expect((await reads.get("a")).value).toBe("first");
  expect(asked).toEqual(["a"]);
});

test("what is older than the question allows is read again", async () => {
  const { reads, asked, answers } = scenario();
  const first = reads.get("a");
  answers[0]!("old");
  await first;
  await Bun.sleep(5);
  expect((await reads.get("a")).value).toBe("old");
  const second = reads.get("a", 1);
  answers[1]!("new");
  expect((await second).value).toBe("new");
  expect((await reads.get("a")).value).toBe("new");
  expect(asked).toEqual(["a", "a"]);
});

test("a read that began before a change answers nobody who asks after it, and is not remembered", async () => {
  const { reads, asked, answers } = scenario();
  const before = reads.get("a");
  reads.forget("a");
  const after = reads.get("a");
  answers[1]!("after");
  expect((await after).value).toBe("after");
  answers[0]!("before");
  expect((await before).value).toBe("before");
  expect((await reads.get("a")).value).toBe("after");
  expect(asked).toEqual(["a", "a"]);
});

test("after a change of everything each key is read again", async () => {
  const { reads, asked, answers } = scenario();
  const first = reads.get("a");
  answers[0]!("old");
  await first;
  reads.forgetAll();
  const second = reads.get("a");
  answers[1]!("new");
  expect((await second).value).toBe("new");
  expect(asked).toEqual(["a", "a"]);
});

test("an error is told to those who waited, and forgotten", async () => {
  const { reads, answers } = scenario();
  const first = reads.get("a") as Promise<unknown>;
  answers[0]!(new Error("away"));
  expect(await first.catch((error) => error.message)).toBe("away");
  const second = reads.get("a");
  answers[1]!("back");
  expect((await second).value).toBe("back");
});

test("invented keys are remembered, and push no real one out", async () => {
  const { reads, asked, answers } = scenario();
  const real = reads.get("real");
  answers[0]!("here");
  await real;
  for (let i = 0; i < 10; i++) {
    const none = reads.get(`invented-${i}`);
    answers.at(-1)!(null);
    expect((await none).value).toBeNull();
  }
  expect((await reads.get("invented-9")).value).toBeNull();
  expect((await reads.get("real")).value).toBe("here");
  expect(asked).toHaveLength(11);
});
