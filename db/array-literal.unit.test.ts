import { expect, test } from "bun:test";
import { intArray, textArray } from "./array-literal.ts";

test("ids become an array literal", () => {
  expect(textArray([])).toBe("{}");
  expect(textArray(["a"])).toBe('{"a"}');
  expect(textArray(["a-1", "null", "NULL", ""])).toBe('{"a-1","null","NULL",""}');
  expect(intArray([1, -2, 3])).toBe("{1,-2,3}");
});

test("quotes, backslashes, commas and braces stay inside their element", () => {
  expect(textArray(['a"b', "c\\d"])).toBe('{"a\\"b","c\\\\d"}');
  expect(textArray(["},{", "x,y"])).toBe('{"},{","x,y"}');
  expect(textArray(['","'])).toBe('{"\\",\\""}');
});
