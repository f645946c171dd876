import { expect, test } from "bun:test";
import { pageOf } from "./page.ts";

const page = (query: string) => pageOf({ query } as never);

test.each([
  ["", { cursor: null, limit: 50 }],
  ["limit=7", { cursor: null, limit: 7 }],
  ["cursor=abc&limit=200", { cursor: "abc", limit: 200 }],
  ["cursor=7", { cursor: "7", limit: 50 }],
  ["other=1", { cursor: null, limit: 50 }],
])("?%s", (query, expected) => {
  expect(page(query)).toEqual(expected);
});

test.each([
  "limit=0",
  "limit=201",
  "limit=-1",
  "limit=1.5",
  "limit=1e2",
  "limit=",
  "limit=many",
  "limit=99999999999999999999",
  `cursor=${"x".repeat(129)}`,
])("?%s is refused", (query) => {
  expect(() => page(query)).toThrow(/^(limit|cursor): /);
});
