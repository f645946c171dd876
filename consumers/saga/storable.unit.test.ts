import { expect, test } from "bun:test";
import { storable } from "./storable.ts";

test("what jsonb can't hold is replaced, and nothing else", () => {
  expect(storable({ a: ["x\0y", { b: "\ud800" }], "c\\u0000": "\\u0000", n: 1, z: null })).toEqual({
    a: ["x�y", { b: "�" }],
    "c\\u0000": "\\u0000",
    n: 1,
    z: null,
  });
});
