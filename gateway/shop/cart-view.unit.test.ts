import { expect, test } from "bun:test";
import type { CartLine } from "../../contracts/shop/http-cart.ts";
import { MAX_MONEY } from "../../contracts/wire/money.ts";
import { cartView } from "./cart-view.ts";

const line = (unitPrice: number, quantity: number, currency = "EUR") =>
  ({ productId: "p", name: "p", quantity, unitPrice, currency, inStock: true }) as CartLine;

test.each([
  ["nothing", [], 0, null],
  ["one line", [line(250, 3)], 750, "EUR"],
  ["several lines", [line(250, 3), line(1, 1)], 751, "EUR"],
  ["two currencies", [line(250, 3), line(1, 1, "USD")], null, null],
  ["the most there is", [line(MAX_MONEY, 1)], MAX_MONEY, "EUR"],
  ["a line beyond it", [line(MAX_MONEY, 2)], null, "EUR"],
  ["a sum beyond it", [line(MAX_MONEY, 1), line(1, 1)], null, "EUR"],
])("a cart of %s", (_what, lines, totalAmount, currency) => {
  expect(cartView(lines as CartLine[])).toEqual({ items: lines, totalAmount, currency } as never);
});
