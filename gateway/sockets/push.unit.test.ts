import { expect, test } from "bun:test";
import { readPush } from "./push.ts";
import { withCursor } from "./replies.ts";

const read = (text: string) => {
  const got: [string, string[]][] = [];
  readPush(text, (userId, messages) => got.push([userId, messages.map((m) => withCursor(m.json, m.cursor))]));
  return got;
};

test("a push gives each user's messages in order, with their cursors", () => {
  const m = (n: number) => JSON.stringify({ type: "coupon.issued", slot: n });
  const push = [
    { u: "a", c: "1-0.t", m: m(1) },
    { u: "a", c: "1-1.t", m: m(2) },
    { u: "b", c: "1-0.t", m: m(3) },
  ];
  expect(read(JSON.stringify(push))).toEqual([
    ["a", ['{"type":"coupon.issued","slot":1,"cursor":"1-0.t"}', '{"type":"coupon.issued","slot":2,"cursor":"1-1.t"}']],
    ["b", ['{"type":"coupon.issued","slot":3,"cursor":"1-0.t"}']],
  ]);
});

test("an invalid push is refused as a whole, before any message is delivered", () => {
  const good = { u: "a", c: "1-0.t", m: "{}" };
  for (const bad of [
    null,
    {},
    [1],
    [good, { ...good, u: "not a user" }],
    [good, { u: "a", c: "1-0.t" }],
    [good, null],
  ]) {
    expect(() => read(JSON.stringify(bad))).toThrow("A push is");
  }
  expect(() => read("{")).toThrow();
  expect(read("[]")).toEqual([]);
});
