import { expect, test } from "bun:test";
import { batchesOf } from "./batches.ts";

test("small files of one directory share a process, up to twenty seconds", () => {
  const small = Array.from({ length: 8 }, (_, i) => `test/lua/small-${i}.int.test.ts`);
  const durations = Object.fromEntries(small.map((file) => [file, 4]));
  expect(batchesOf(small, durations)).toEqual([small.slice(0, 5), small.slice(5)]);
});

test("long files, new files, other directories' and those that watch their process stay alone", () => {
  const files = ["test/lua/long.int", "test/lua/new.int", "test/db/a.int", "test/stack/up.int", "test/kafka/node.int"];
  const named = files.map((file) => `${file}.test.ts`);
  const durations = { [named[0]!]: 5, [named[2]!]: 1, [named[3]!]: 1, [named[4]!]: 1 };
  expect(batchesOf(named, durations)).toEqual(named.map((file) => [file]));
});

test("every file is in exactly one batch", () => {
  const files = Array.from({ length: 50 }, (_, i) => `test/${i % 3}/f${i}.int.test.ts`);
  const durations = Object.fromEntries(files.map((file, i) => [file, i % 7]));
  expect(batchesOf(files, durations).flat().sort()).toEqual([...files].sort());
});
