import { expect, test } from "bun:test";
import type { ProductId } from "../../contracts/orders/ids.ts";
import type { Offer } from "../../db/shop/products.ts";
import { createOffers } from "./offers.ts";

const id = (text: string) => text as ProductId;
const offer = (productId: string, price = 100) =>
  ({ productId, name: productId, price, currency: "EUR", flash: false }) as Offer;

/** A catalogue of `known`, and the questions it was asked. */
function catalogue(known: readonly Offer[], options: { ttlMs?: number; missingTtlMs?: number } = {}) {
  const asked: string[][] = [];
  let failing: Error | null = null;
  const offers = createOffers({
    ...options,
    async find(ids) {
      asked.push([...ids].sort());
      if (failing !== null) throw failing;
      return known.filter(({ productId }) => ids.includes(productId));
    },
  });
  return { offers, asked, fail: (error: Error | null) => (failing = error) };
}

test("products that are asked for at once are read together, each once, and then known", async () => {
  const { offers, asked } = catalogue([offer("a"), offer("b", 250)]);
  const [first, second] = await Promise.all([offers.of([id("a"), id("b")]), offers.of([id("b"), id("x")])]);
  expect(first.get(id("b"))!.price as number).toBe(250);
  expect(second.get(id("x"))).toBeNull();
  expect(asked).toEqual([["a", "b", "x"]]);
  await offers.of([id("a"), id("x")]);
  expect(asked).toHaveLength(1);
});

test("a question while the same one is under way does not ask again", async () => {
  const { offers, asked } = catalogue([offer("a")]);
  const first = offers.of([id("a")]);
  await new Promise((resolve) => setImmediate(resolve)); // the turn has begun to read
  await Promise.all([first, offers.of([id("a")])]);
  expect(asked).toEqual([["a"]]);
});

test("what was not there is asked for again sooner than what was", async () => {
  const { offers, asked } = catalogue([offer("a")], { ttlMs: 5_000, missingTtlMs: 10 });
  await offers.of([id("a"), id("x")]);
  await Bun.sleep(30);
  await offers.of([id("a"), id("x")]);
  expect(asked).toEqual([["a", "x"], ["x"]]);
});

test("a failed reading is told to all who waited for it, and is not remembered", async () => {
  const { offers, asked, fail } = catalogue([offer("a")]);
  fail(new Error("away"));
  const both = await Promise.allSettled([offers.of([id("a")]), offers.of([id("a")])]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fail(null);
  expect((await offers.of([id("a")])).get(id("a"))).toEqual(offer("a"));
  expect(asked).toHaveLength(2);
});

test("a changed product is read again, also by those who ask while an older read is under way", async () => {
  let price = 100;
  const reads: (() => void)[] = [];
  const offers = createOffers({
    async find(ids) {
      const then = price;
      await new Promise<void>((resolve) => reads.push(resolve));
      return ids.map((one) => offer(one, then));
    },
  });
  const priceOf = async () => (await offers.of([id("a")])).get(id("a"))!.price as number;
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const before = priceOf();
  await turn();
  price = 250;
  offers.forget(id("a"));
  const after = priceOf();
  await turn();
  expect(reads).toHaveLength(2);
  reads[1]!();
  expect(await after).toBe(250);
  reads[0]!();
  expect(await before).toBe(100);
  expect(await priceOf()).toBe(250); // the older read is not remembered
  expect(reads).toHaveLength(2);
});
