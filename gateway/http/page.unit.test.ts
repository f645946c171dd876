import { expect, test } from "bun:test";
import { checkParameters, pageOf } from "./page.ts";

const page = (query: string) => pageOf({ query } as never);

test.each([
  ["", { cursor: null, limit: 50 }],
  ["limit=7", { cursor: null, limit: 7 }],
  ["cursor=abc&limit=200", { cursor: "abc", limit: 200 }],
  ["cursor=7", { cursor: "7", limit: 50 }],
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
  "limit=1&limit=2",
  "limit=%00",
])("?%s is refused", (query) => {
  expect(() => page(query)).toThrow(/^(limit|cursor): /);
});

test.each([
  ["other=1", "other: not a parameter of this call; it takes cursor, limit"],
  ["limit=5&Limit=6&%00=1&=2", 'Limit, \0, "": not a parameter of this call; it takes cursor, limit'],
  [`${"x".repeat(100)}=1`, `${"x".repeat(64)}: not a parameter of this call; it takes cursor, limit`],
  ["a&b&c&d&e&f&g", "a, b, c, d, e and 2 more: not a parameter of this call; it takes cursor, limit"],
])("?%s is refused and named", (query, detail) => {
  expect(() => page(query)).toThrow(detail);
});

test("a call without parameters refuses every one", () => {
  expect(() => checkParameters("", [])).not.toThrow();
  expect(() => checkParameters("debug", [])).toThrow("debug: not a parameter of this call; it takes none");
});
