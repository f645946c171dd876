import { expect, test } from "bun:test";
import { checkLag, type Group } from "./system-checks.ts";

/** A group of two partitions, ten records each, whose committed offsets are `looks`, one after the other. */
function reader(...looks: readonly (readonly [number, number])[]) {
  let look = 0;
  return {
    async groupLag(_group: string, [topic]: readonly string[]) {
      const offsets = looks[Math.min(look++, looks.length - 1)]!;
      return offsets.map((committed, partition) => ({
        topic: topic!,
        partition,
        committed,
        end: 10,
        lag: 10 - committed,
      }));
    },
  };
}
const standing = async (group: Group, ...looks: (readonly [number, number])[]) =>
  (await checkLag(reader(...looks) as never, [group], true, 600)).violations;

const apart: Group = { groupId: "notify", topics: ["coupon-events"] };
const together: Group = { groupId: "stock", topics: ["stock-events"], together: true };

test("a partition that stands still is named, though the other one moves", async () => {
  expect(await standing(apart, [1, 1], [2, 1], [3, 1])).toEqual([
    "notify on coupon-events/1: 9 records behind and not moving",
  ]);
});

test("partitions that are judged together move when one of them does", async () => {
  expect(await standing(together, [1, 1], [1, 1], [2, 1])).toEqual([]);
  expect(await standing(together, [1, 1])).toHaveLength(2);
});

test("what has been read to its end does not stand", async () => {
  expect(await standing(apart, [10, 10])).toEqual([]);
  expect(await standing(apart, [5, 10], [10, 10])).toEqual([]);
});
