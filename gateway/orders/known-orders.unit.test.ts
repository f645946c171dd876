import { expect, test } from "bun:test";
import type { KeyedOrder, KnownOrder } from "../../db/orders/known.ts";
import { createLookUp } from "./known-orders.ts";

const [a, b, c] = ["a", "b", "c"].map((orderId) => ({ userId: "ann", idempotencyKey: "k", orderId }) as KeyedOrder);
const there: KnownOrder = { status: "COMPLETED", keyReused: false };

test("lookups of one moment are one statement, later ones another", async () => {
  const looks: (readonly KeyedOrder[])[] = [];
  const lookUp = createLookUp(async (asked) => {
    looks.push(asked);
    return asked.map(() => there);
  });
  expect(await Promise.all([lookUp.ask(a!), lookUp.askWithin(b!)])).toEqual([there, there]);
  expect(await lookUp.ask(c!)).toEqual(there);
  expect(looks).toEqual([[a!, b!], [c!]]);
});

test("a silent database is not waited for, and its late answer is dropped", async () => {
  let answer = (_: readonly KnownOrder[]) => {};
  const find = () =>
    new Promise<readonly KnownOrder[]>((resolve) => {
      answer = resolve;
    });
  const lookUp = createLookUp(find);
  const patient = lookUp.ask(a!);
  expect(await lookUp.askWithin(a!, 5)).toBeNull();
  answer([there]);
  expect(await patient).toEqual(there);
});

test("a look that failed fails those who wait for it; new orders go on without", async () => {
  const lookUp = createLookUp(async () => {
    throw new Error("away");
  });
  expect(await lookUp.askWithin(a!)).toBeNull();
  expect(lookUp.ask(b!)).rejects.toThrow("away");
});
