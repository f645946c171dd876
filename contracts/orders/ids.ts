import { Type } from "@sinclair/typebox";
import { noise, type UserId } from "../wire/ids.ts";
import { namespace, uuid5 } from "../wire/uuid5.ts";

declare const brand: unique symbol;
/** UUIDv5 of user, key and body: a repeated request is the same order. */
export type OrderId = string & { readonly [brand]: "OrderId" };
/** For people, for example on the phone: `7QJ4X-0M2KD-9AVZP`. */
export type OrderNumber = string & { readonly [brand]: "OrderNumber" };
/** 1–64 characters `[A-Za-z0-9._-]`, so that a shop can use its article numbers. */
export type ProductId = string & { readonly [brand]: "ProductId" };

export const ORDER_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const ORDER_NUMBER = /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/;
export const PRODUCT_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** Visible ASCII without a space at either end, as `Idempotency-Key` headers carry it. */
export const IDEMPOTENCY_KEY = /^[!-~](?:[ -~]{0,126}[!-~])?$/;

export const OrderIdSchema = Type.Unsafe<OrderId>(
  Type.String({ pattern: ORDER_ID.source, examples: ["4b0c2d5e-8a6f-5f0e-9d57-1c1a0a8f2b3c"] }),
);
export const OrderNumberSchema = Type.Unsafe<OrderNumber>(
  Type.String({ pattern: ORDER_NUMBER.source, examples: ["7QJ4X-0M2KD-9AVZP"] }),
);
export const ProductIdSchema = Type.Unsafe<ProductId>(
  Type.String({ pattern: PRODUCT_ID.source, examples: ["7qj4x0m2kd9a"] }),
);
/** The header's description in the documents of every call that takes it. */
export const IdempotencyKeySchema = Type.Optional(
  Type.String({
    pattern: IDEMPOTENCY_KEY.source,
    description:
      "A request that is repeated under the same key happens once; an order's key is kept as long as the order, others at least 24 hours",
    examples: ["basket 4711"],
  }),
);

const PRODUCT_ID_LENGTH = 12;
/** A new product's id: 60 random bits, like a sale's. */
export const newProductId = (): ProductId => noise(PRODUCT_ID_LENGTH) as ProductId;

export const isOrderId = (text: string): text is OrderId => ORDER_ID.test(text);
export const isProductId = (text: string): text is ProductId => PRODUCT_ID.test(text);
export const isIdempotencyKey = (text: string): boolean => IDEMPOTENCY_KEY.test(text);

const ORDERS = namespace("5d7c53a8-0e0c-4b1f-8c0e-6f2d9b1e7a44");

/** The id of the order that this user requests with this key and body. `canonicalBody`: see canonical-json.ts. */
export function orderIdOf(userId: UserId, idempotencyKey: string, canonicalBody: string): OrderId {
  // As JSON, because no separator is safe: keys may hold any character.
  return uuid5(ORDERS, JSON.stringify([userId, idempotencyKey, canonicalBody])) as OrderId;
}

// Crockford's base 32: no I, L, O, U.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const NUMBER_LENGTH = 15;

/**
 * An order's number is made from its id, so it needs no counter, and a repeated request has the same number.
 * 75 bits: among a billion orders, two share a number with a chance of one in 75,000; among one user's orders, never. A
 * lookup by number compares the whole number and the user.
 */
export function orderNumberOf(orderId: OrderId): OrderNumber {
  // All digits except those that UUIDv5 fixes.
  let rest = BigInt(`0x${orderId.slice(0, 8)}${orderId.slice(9, 13)}${orderId.slice(-7)}`);
  let text = "";
  for (let i = 0; i < NUMBER_LENGTH; i++) {
    text = ALPHABET[Number(rest & 31n)]! + text;
    rest >>= 5n;
  }
  return `${text.slice(0, 5)}-${text.slice(5, 10)}-${text.slice(10)}` as OrderNumber;
}

/** Parses a number that a person typed, in any case, with or without hyphens; null if it is not a number of an order. */
export function orderNumberIn(text: string): OrderNumber | null {
  const symbols = text.toUpperCase().replaceAll("-", "");
  const number = `${symbols.slice(0, 5)}-${symbols.slice(5, 10)}-${symbols.slice(10)}`;
  return text.length <= NUMBER_LENGTH + 2 && ORDER_NUMBER.test(number) ? (number as OrderNumber) : null;
}

/** A range of ids: `from` included, `below` excluded, compared by byte. */
export interface IdRange {
  readonly from: string;
  readonly below: string;
}

/**
 * The two ranges that hold the ids of a number. A number contains the first twelve digits of the id except one bit, hence
 * two ranges, each a 140-trillionth of all ids. The caller compares the number's other digits for each id.
 */
export function idRangesOf(number: OrderNumber): readonly IdRange[] {
  let bits = 0n;
  for (const symbol of number.replaceAll("-", "")) bits = bits * 32n + BigInt(ALPHABET.indexOf(symbol));
  const topBit = 1n << BigInt(NUMBER_LENGTH * 5);
  return [bits, bits + topBit].map((value) => {
    const digits = value.toString(16).padStart(19, "0");
    const prefix = `${digits.slice(0, 8)}-${digits.slice(8, 12)}-`;
    return { from: prefix, below: `${prefix}g` };
  });
}
