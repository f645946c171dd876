import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { storableText } from "./text.ts";

const text = storableText(10);

test.each(["x", "쿠폰", "😀", "a\nb", '"\\', "'; --", "x".repeat(10)])("%p can be stored", (value) => {
  expect(Value.Check(text, value)).toBe(true);
});

test.each([
  ["empty", ""],
  ["too long", "x".repeat(11)],
  ["with a zero byte", "a\u0000b"],
  ["with half a surrogate pair", "a\ud83d"],
  ["with the other half", "\ude00a"],
  ["no text", 5],
])("text that is %s is refused", (_what, value) => {
  expect(Value.Check(text, value)).toBe(false);
});
