import { expect, test } from "bun:test";
import type { UserId } from "../../contracts/wire/ids.ts";
import { pipelineOf, userPart } from "./pipeline-split.ts";

const user = (name: string) => name as UserId;

test.each([
  ["user-42", 98],
  ["a", 15],
  ["alice:1", 54],
  ["0b7c1f9e-4a51-4a8e-8a8e-1f2d3c4b5a69", 57],
])("%s stays in the part where it has always been", (name, part) => {
  expect(userPart(user(name))).toBe(part);
});

test.each([
  ["numbered users", (i: number) => `user-${i}`],
  ["users by a long number", (i: number) => String(10_000_000_000 + i)],
  ["random ids", () => crypto.randomUUID()],
])("%s spread evenly over the hundred parts", (_, name) => {
  const parts = new Array<number>(100).fill(0);
  for (let i = 0; i < 100_000; i++) parts[userPart(user(name(i)))]!++;
  // 1,000 expected in each, standard deviation 31: six of them are no accident.
  expect(Math.min(...parts)).toBeGreaterThan(810);
  expect(Math.max(...parts)).toBeLessThan(1_190);
});

test("0 and 100 per cent leave nobody out", () => {
  for (let i = 0; i < 1_000; i++) {
    expect(pipelineOf(user(`u${i}`), 0)).toBe("kafka");
    expect(pipelineOf(user(`u${i}`), 100)).toBe("redis");
  }
});

test("a growing share moves users to Redis and none back", () => {
  for (let i = 0; i < 1_000; i++) {
    const ways = Array.from({ length: 101 }, (_, percent) => pipelineOf(user(`u${i}`), percent));
    const moved = ways.indexOf("redis");
    expect(ways.slice(moved).every((way) => way === "redis")).toBe(true);
  }
});
