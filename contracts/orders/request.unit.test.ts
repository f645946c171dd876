import { expect, test } from "bun:test";
import { canonicalJson } from "../wire/canonical-json.ts";
import type { PlaceOrder } from "./http.ts";
import { MAX_LINES, MAX_QUANTITY } from "./parts.ts";
import { canonicalOrder, mergeLines, normalOrder } from "./request.ts";

const line = (productId: string, quantity: number) => ({ productId, quantity }) as never;
const body = (over: object) => over as PlaceOrder;
const same = (a: object, b: object) => canonicalOrder(normalOrder(body(a))) === canonicalOrder(normalOrder(body(b)));
const invalid = expect.objectContaining({ code: "VALIDATION_FAILED" });

test("a product that is named twice is one line; lines are sorted by product", () => {
  expect<unknown>(mergeLines([line("b", 1), line("a", 2), line("b", 3), line("B", 1)])).toEqual([
    { productId: "B", quantity: 1 },
    { productId: "a", quantity: 2 },
    { productId: "b", quantity: 4 },
  ]);
});

test("merging does not get around the limits", () => {
  expect(() => mergeLines([line("a", MAX_QUANTITY), line("a", 1)])).toThrow(invalid);
  const products = (n: number) => Array.from({ length: n }, (_, i) => line(`p${i}`, 1));
  expect(mergeLines(products(MAX_LINES))).toHaveLength(MAX_LINES);
  expect(() => mergeLines(products(MAX_LINES + 1))).toThrow(invalid);
});

test("an order is of items or of the cart, never both or neither", () => {
  expect(() => normalOrder(body({}))).toThrow(invalid);
  expect(() => normalOrder(body({ items: [line("a", 1)], from: "cart" }))).toThrow(invalid);
  expect(normalOrder(body({ from: "cart" }))).toEqual({ from: "cart" });
});

test("the same order written differently is the same body", () => {
  const plain = { items: [line("a", 1), line("b", 2)], couponId: "c" };
  expect(same(plain, { couponId: "c", items: [line("b", 1), line("a", 1), line("b", 1)] })).toBe(true);
  expect(same(plain, { ...plain, pointsToUse: 0 })).toBe(true);
  expect(same(plain, { ...plain, payment: undefined })).toBe(true);
});

test("another order is another body", () => {
  const plain = { items: [line("a", 1)] };
  for (const other of [
    { items: [line("a", 2)] },
    { items: [line("b", 1)] },
    { items: [line("a", 1), line("b", 1)] },
    { ...plain, couponId: "c" },
    { ...plain, pointsToUse: 1 },
    { ...plain, payment: { token: "tok_slow" } },
    { ...plain, shipping: { country: "DE" } },
    { from: "cart" },
  ]) {
    expect([other, same(plain, other)]).toEqual([other, false]);
  }
});

test("canonical JSON sorts names at every depth and keeps the order of arrays", () => {
  expect(canonicalJson({ b: [{ d: 1, c: "x" }, null], a: undefined, A: true })).toBe(
    '{"A":true,"b":[{"c":"x","d":1},null]}',
  );
  expect(canonicalJson({ b: [2, 1] })).not.toBe(canonicalJson({ b: [1, 2] }));
});
