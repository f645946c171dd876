import { expect, test } from "bun:test";
import fc from "fast-check";
import type { UserId } from "../wire/ids.ts";
import {
  idRangesOf,
  isIdempotencyKey,
  isOrderId,
  ORDER_NUMBER,
  orderIdOf,
  orderNumberIn,
  orderNumberOf,
} from "./ids.ts";

const ann = "ann" as UserId;

test("the same user, key and body are the same order; any other is another", () => {
  const id = orderIdOf(ann, "k1", "{}");
  expect(isOrderId(id)).toBe(true);
  expect(orderIdOf(ann, "k1", "{}")).toBe(id);
  const others = [
    orderIdOf("bob" as UserId, "k1", "{}"),
    orderIdOf(ann, "k2", "{}"),
    orderIdOf(ann, "k1", "[]"),
    orderIdOf(ann, 'k1","', "{}"),
    orderIdOf("an" as UserId, "nk1", "{}"),
  ];
  expect(new Set([id, ...others]).size).toBe(others.length + 1);
});

test("an order id is what it was in the first release: retries may outlive a deployment", () => {
  expect<string>(orderIdOf(ann, "k1", "{}")).toBe("9d384e1d-951f-52ed-94ce-7df345c4df02");
  expect<string>(orderNumberOf(orderIdOf(ann, "k1", "{}"))).toBe("79R9R-ESA7T-W9QR2");
});

test("an order's number is made from its id alone and can be read out", () => {
  fc.assert(
    fc.property(fc.uuid({ version: 5 }), fc.uuid({ version: 5 }), (a, b) => {
      const number = orderNumberOf(a as never);
      expect(number).toMatch(ORDER_NUMBER);
      expect(orderNumberOf(b as never) === number).toBe(a === b);
    }),
  );
});

test("an Idempotency-Key is visible ASCII, 1 to 128 characters", () => {
  for (const key of ["k", "a b", "8e03978e-40d5-43e8-bc93-6894a57f9324", "~".repeat(128)])
    expect([key, isIdempotencyKey(key)]).toEqual([key, true]);
  for (const key of ["", " ", " k", "k ", "k\n", "ключ", "k".repeat(129)])
    expect([key, isIdempotencyKey(key)]).toEqual([key, false]);
});

test("a number leads back to where its id is, however it was typed, and to nowhere else", () => {
  fc.assert(
    fc.property(fc.uuid({ version: 5 }), fc.uuid({ version: 5 }), (a, b) => {
      const number = orderNumberOf(a as never);
      expect(orderNumberIn(number.toLowerCase().replaceAll("-", ""))).toBe(number);
      const isIn = (id: string) => idRangesOf(number).some(({ from, below }) => id >= from && id < below);
      expect(isIn(a)).toBe(true);
      expect(isIn(b)).toBe(a.slice(1, 14) === b.slice(1, 14));
    }),
  );
  for (const text of ["", "7QJ4X", "7QJ4X-0M2KD-9AVZPP", "7QJ4X-0M2KD-9AVZU", "7QJ4X-0M2KD-9AV\u0000P", "%"])
    expect([text, orderNumberIn(text)]).toEqual([text, null]);
});
