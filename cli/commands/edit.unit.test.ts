import { expect, test } from "bun:test";
import { productEdit } from "./product.ts";
import { saleEdit } from "./sale-edit.ts";

test("an edit names what its options name, and nothing else", () => {
  const ends = new Date("2027-01-01T12:00:00Z");
  expect(saleEdit({ ends, json: true })).toEqual({ endsAt: "2027-01-01T12:00:00.000Z" });
  expect(saleEdit({ validUntil: null, visibility: "UNLISTED", metadata: {}, name: "x" })).toEqual({
    validUntil: null,
    visibility: "UNLISTED",
    metadata: {},
    name: "x",
  });
  expect(productEdit({ price: 0, listed: false })).toEqual({ price: 0, listed: false } as never);
});

test("an edit of nothing is refused before a gateway is asked", () => {
  expect(() => saleEdit({ json: true })).toThrow("--visibility");
  expect(() => productEdit({})).toThrow("--no-listed");
});
