import { expect, test } from "bun:test";
import { StampedeError } from "./errors.ts";
import { LeftOut, type LeftOutComplaint } from "./left-out.ts";

function world() {
  const complaints: LeftOutComplaint[] = [];
  const state = { now: 1_000, count: 0, asked: [] as string[] };
  const bad = new Set<string>();
  const observer = {
    complain: (one: LeftOutComplaint) => complaints.push(one),
    count: (n: number) => (state.count = n),
  };
  const leftOut = new LeftOut(observer, () => state.now);
  const round = async (...names: string[]) => {
    state.asked = [];
    const done = await leftOut.runEach(
      "look",
      names,
      (name) => name,
      async (name) => {
        state.asked.push(name);
        if (bad.has(name)) throw new StampedeError("INTERNAL", "WRONGTYPE");
        return name.toUpperCase();
      },
    );
    return done.map(({ result }) => result).join(" ");
  };
  return { complaints, state, bad, round, leftOut };
}

test("what fails is left out, counted, and complained of once a minute; the others get their results", async () => {
  const { complaints, state, bad, round } = world();
  bad.add("b");
  for (let i = 0; i < 100; i++, state.now += 500) expect(await round("a", "b", "c")).toBe("A C");
  expect(complaints).toEqual([{ step: "look", code: "INTERNAL", error: "WRONGTYPE", names: ["b"], leftOut: 1 }]);
  expect(state.count).toBe(1);
  for (let i = 0; i < 30; i++, state.now += 500) await round("a", "b", "c");
  expect(complaints).toHaveLength(2);
  bad.clear();
  state.now += 5_000;
  expect(await round("a", "b", "c")).toBe("A B C");
  expect(state.count).toBe(0);
});

test("what keeps failing rests longer and longer, up to five seconds; what failed once is tried with the next round", async () => {
  const { state, bad, round } = world();
  bad.add("b");
  const triedAt: number[] = [];
  for (; state.now <= 20_000; state.now += 250) {
    await round("a", "b");
    expect(state.asked).toContain("a");
    if (state.asked.includes("b")) triedAt.push(state.now - 1_000);
  }
  expect(triedAt).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 13_000, 18_000]);
});

test("a thousand that fail together are one complaint that names ten of them; a new one is another", async () => {
  const { complaints, bad, round } = world();
  const names = Array.from({ length: 1_000 }, (_, i) => `sale-${i}`);
  for (const name of names) bad.add(name);
  await round("good", ...names);
  await round("good", ...names);
  expect(complaints).toMatchObject([{ leftOut: 1_000, names: names.slice(0, 10) }]);
  bad.add("one more");
  await round("good", ...names, "one more");
  expect(complaints[1]).toMatchObject({ leftOut: 1, names: ["one more"] });
});

test("Redis away for all of them is the round's failure, and no thing is paused for it", async () => {
  const { leftOut, state, round } = world();
  const away = () => Promise.reject(new StampedeError("REDIS_UNAVAILABLE"));
  const all = leftOut.runEach("look", ["a", "b"], (name) => name, away);
  await expect(all).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  expect(await round("a", "b")).toBe("A B");
  expect(state.count).toBe(0);
});

test("a thing that is not in use any more is forgotten, and the number of remembered things has a limit", async () => {
  const { state, bad, round } = world();
  const names = Array.from({ length: 10_001 }, (_, i) => `sale-${i}`);
  for (const name of names) bad.add(name);
  await round("good", ...names);
  expect(state.count).toBe(10_000);
  state.now += 61_000;
  await round("good");
  expect(state.count).toBe(0);
});
