import { expect, test } from "bun:test";
import type { OrderId } from "../../contracts/order-ids.ts";
import { createOrderExists } from "./order-exists.ts";

const [a, b, c] = ["a", "b", "c"] as OrderId[];

test("who asks in the same turn is answered by one look, whoever comes later by another", async () => {
  const looks: (readonly OrderId[])[] = [];
  const exists = createOrderExists(async (ids) => {
    looks.push(ids);
    return new Set([a!]);
  });
  expect(await Promise.all([exists(a!), exists(b!)])).toEqual([true, false]);
  expect(await exists(c!)).toBe(false);
  expect(looks).toEqual([[a!, b!], [c!]]);
});

test("a look that failed fails those who asked, and nobody after them", async () => {
  let broken = true;
  const exists = createOrderExists(async () => {
    if (broken) throw new Error("away");
    return new Set([a!]);
  });
  const first = await Promise.allSettled([exists(a!), exists(b!)]);
  expect(first.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  broken = false;
  expect(await exists(a!)).toBe(true);
});
