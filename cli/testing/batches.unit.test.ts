import { expect, test } from "bun:test";
import { batchesOf } from "./batches.ts";
import type { FileTier } from "./tiers.ts";

const ofTier = (files: readonly string[], tier: FileTier = "int") => files.map((file) => ({ file, tier }));
const filesOf = (batches: ReturnType<typeof batchesOf>) => batches.map(({ files }) => files);

test("small files of one directory share a process, up to twenty seconds", () => {
  const small = Array.from({ length: 8 }, (_, i) => `test/lua/small-${i}.int.test.ts`);
  const durations = Object.fromEntries(small.map((file) => [file, 4]));
  expect(filesOf(batchesOf(ofTier(small), durations))).toEqual([small.slice(0, 5), small.slice(5)] as never);
});

test("long files, new files, other directories' and those that watch their process stay alone", () => {
  const files = ["test/lua/new.int", "test/lua/long.int", "test/db/a.int", "test/stack/up.int", "test/kafka/node.int"];
  const named = files.map((file) => `${file}.test.ts`);
  const durations = { [named[1]!]: 5, [named[2]!]: 1, [named[3]!]: 1, [named[4]!]: 1 };
  expect(filesOf(batchesOf(ofTier(named), durations))).toEqual(named.map((file) => [file]));
});

test("programs' tests never share a process, however small", () => {
  const files = ["test/e2e/a.e2e.test.ts", "test/e2e/b.e2e.test.ts"];
  expect(batchesOf(ofTier(files, "e2e"), { [files[0]!]: 1, [files[1]!]: 1 })).toHaveLength(2);
});

test("tier by tier, and in each the longest first", () => {
  const tests = [...ofTier(["f1", "f2"], "fault"), ...ofTier(["i1", "i2"]), ...ofTier(["e1"], "e2e")];
  const durations = { f1: 100, f2: 200, i1: 5, i2: 50, e1: 7 };
  expect(filesOf(batchesOf(tests, durations)).flat()).toEqual(["i2", "i1", "e1", "f2", "f1"]);
});

test("every file is in exactly one batch", () => {
  const files = Array.from({ length: 50 }, (_, i) => `test/${i % 3}/f${i}.int.test.ts`);
  const durations = Object.fromEntries(files.map((file, i) => [file, i % 7]));
  expect(
    filesOf(batchesOf(ofTier(files), durations))
      .flat()
      .sort(),
  ).toEqual([...files].sort());
});
