import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { requireSpace } from "./free-space.ts";

test("a disk with too little room is refused with how much it needs", () => {
  expect(() => requireSpace(tmpdir(), 1024 ** 6)).toThrow(
    /only \d+ MB are free at .*: make room for at least 1099511627776 MB/,
  );
  expect(() => requireSpace(tmpdir(), 1)).not.toThrow();
});
