import { expect, test } from "bun:test";
import { columnsOf, LETTER, SALE } from "./names.ts";
import { userCoupons } from "./schema.ts";

const textOf = (name: unknown) => (name as { value: string }).value;

test("names are those of the schema; what PostgreSQL reserves is quoted", () => {
  expect(textOf(SALE.table)).toBe("coupons");
  expect(textOf(SALE.startsAt)).toBe("starts_at");
  expect(textOf(LETTER.offset)).toBe('"offset"');
});

test("columns of a row carry the spelling of the code", () => {
  expect(textOf(columnsOf(userCoupons, ["requestId", "slot"]))).toBe('request_id AS "requestId", slot');
  expect(textOf(columnsOf(userCoupons, ["orderId"], "u"))).toBe('u.order_id AS "orderId"');
});

test("a column that the schema does not have fails the type check", () => {
  // @ts-expect-error
  expect(SALE.noSuchColumn).toBeUndefined();
});
