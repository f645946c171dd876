import { expect, test } from "bun:test";
import { StampedeError } from "../../contracts/errors.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const isPair = ([at, id, ...more]: readonly unknown[]) =>
  typeof at === "number" && typeof id === "string" && more.length === 0;

test("a cursor carries its key there and back", () => {
  expect(decodeCursor<[number, string]>(encodeCursor(1_700_000_000_000, "abc"), isPair)).toEqual([
    1_700_000_000_000,
    "abc",
  ]);
});

test("what is no cursor of this list is refused with a code", () => {
  const foreign = ["", "nonsense", encodeCursor(1), encodeCursor("a", 1), Buffer.from('{"a":1}').toString("base64url")];
  for (const cursor of foreign) {
    expect(() => decodeCursor(cursor, isPair)).toThrow(StampedeError);
  }
});
