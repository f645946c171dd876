import { Type } from "@sinclair/typebox";
import { StampedeError } from "./errors.ts";

declare const money: unique symbol;
/**
 * An amount of money: an integer ≥ 0 in the minor unit of its currency (cents; of a currency without one, the unit).
 * An order names its currency once, for all its amounts. A loyalty point is worth one minor unit, so points are amounts too.
 */
export type Money = number & { readonly [money]: true };
/** ISO 4217, e.g. `EUR`. */
export type Currency = string & { readonly [money]: "currency" };

/** Above it JavaScript's integers have gaps. In cents: 90 trillion. */
export const MAX_MONEY = Number.MAX_SAFE_INTEGER;

const AMOUNT = { minimum: 0, maximum: MAX_MONEY, description: "Minor units of the currency" };
/** Schema of an amount whose type is a plain number: a coupon's discount is an amount or a percentage. */
export const AmountSchema = Type.Integer(AMOUNT);
export const MoneySchema = Type.Unsafe<Money>(Type.Integer({ ...AMOUNT, examples: [1250] }));
export const CurrencySchema = Type.Unsafe<Currency>(
  Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217", examples: ["EUR"] }),
);

export const NOTHING = 0 as Money;

/** A number from outside as an amount. @throws StampedeError AMOUNT_OUT_OF_RANGE: negative, a fraction, or too large */
export function moneyOf(value: number): Money {
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(`${value} is no amount`);
  return value as Money;
}

/** @throws StampedeError AMOUNT_OUT_OF_RANGE */
export function add(a: Money, b: Money): Money {
  const sum = a + b;
  if (sum > MAX_MONEY) throw outOfRange("the total is too large");
  return sum as Money;
}

/** @throws StampedeError AMOUNT_OUT_OF_RANGE: amounts are never negative */
export function subtract(a: Money, b: Money): Money {
  if (b > a) throw outOfRange("the difference is negative");
  return (a - b) as Money;
}

/** `quantity` pieces at a price. @throws StampedeError AMOUNT_OUT_OF_RANGE */
export function times(price: Money, quantity: number): Money {
  const product = price * quantity;
  // A product beyond 2^53 is rounded, but never to a value below 2^53.
  if (!Number.isSafeInteger(quantity) || quantity < 0 || product > MAX_MONEY)
    throw outOfRange("the total is too large");
  return product as Money;
}

/** `percent` (0 to 100, an integer) of an amount, rounded down to a whole minor unit. Exact: no intermediate value overflows. */
export function percentOf(amount: Money, percent: number): Money {
  const hundreds = Math.floor(amount / 100);
  return (hundreds * percent + Math.floor(((amount - hundreds * 100) * percent) / 100)) as Money;
}

const outOfRange = (why: string) => new StampedeError("AMOUNT_OUT_OF_RANGE", why);
