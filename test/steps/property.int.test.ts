import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PlacedOrder } from "../../contracts/orders/saga-state.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { propertyRuns } from "../support/property-runs.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

// Whatever is asked and taken back, in whatever batches, by whichever of two processes: the books balance, and every order
// stands where its last request left it.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const PRODUCTS = 3;
const USERS = 3;
const ORDERS = 12;

/** Which order, whether its command or its restore, and whether a new batch begins with it. */
const happening = fc.record({
  order: fc.nat(ORDERS - 1),
  restore: fc.boolean(),
  cut: fc.boolean(),
  other: fc.boolean(),
});
const story = fc.record({
  stocks: fc.array(fc.nat(8), { minLength: PRODUCTS, maxLength: PRODUCTS }),
  purses: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: USERS, maxLength: USERS }),
  wishes: fc.array(
    fc.record({
      user: fc.nat(USERS - 1),
      points: fc.nat(30),
      lines: fc.uniqueArray(fc.tuple(fc.nat(PRODUCTS - 1), fc.integer({ min: 1, max: 4 })), {
        minLength: 1,
        selector: ([product]) => product,
      }),
    }),
    { minLength: ORDERS, maxLength: ORDERS },
  ),
  happenings: fc.array(happening, { minLength: 10, maxLength: 60 }),
});

let runs = 0;
test("random commands and restores in random batches: stock and points balance", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ stocks, purses, wishes, happenings }) => {
      const run = ++runs;
      for (const [i, pieces] of stocks.entries()) await bench.newProduct(world, `p${run}-${i}`, pieces);
      for (const [i, balance] of purses.entries()) await bench.newPurse(world, `u${run}-${i}`, balance);
      const orders: PlacedOrder[] = wishes.map(({ user, points, lines }) =>
        anOrder({
          userId: `u${run}-${user}`,
          points,
          items: [...lines]
            .sort(([a], [b]) => a - b)
            .map(([product, quantity]) => [`p${run}-${product}`, quantity] as const),
        }),
      );
      for (const step of ["STOCK", "POINT"] as const) {
        const two = [bench.stepRoles(world)[step], bench.stepRoles(world)[step]];
        const batches: (typeof happenings)[] = [];
        for (const one of happenings) {
          if (one.cut || batches.length === 0) batches.push([]);
          batches.at(-1)!.push(one);
        }
        let together: Promise<unknown>[] = [];
        for (const batch of batches) {
          const records = batch.map(({ order, restore }) => (restore ? takenBack : asked)(step, orders[order]!));
          const other = batch[0]!.other;
          together.push(bench.handled(world, two[other ? 1 : 0]!, ...records));
          if (!other) await Promise.all(together.splice(0));
        }
        await Promise.all(together);
        together = [];
        const restored = new Set(
          happenings.filter(({ restore }) => restore).map(({ order }) => orders[order]!.orderId),
        );
        const standing = await world.db.sql<{ order_id: string }[]>`
          SELECT order_id FROM step_outcomes WHERE step = ${step} AND outcome = 'COMPLETED' AND restored_at IS NULL
            AND order_id = ANY (${`{${orders.map(({ orderId }) => orderId).join(",")}}`}::text[])`;
        expect(standing.filter(({ order_id }) => restored.has(order_id as never))).toEqual([]);
      }
      expect(await bench.unbalancedProducts(world)).toEqual([] as never);
      expect(await bench.unbalancedPurses(world)).toEqual([] as never);
      // Rows and effects tell the same story.
      const liars = await world.db.sql`
        SELECT o.order_id FROM step_outcomes o WHERE o.step = 'STOCK'
          AND (o.outcome = 'COMPLETED' AND o.restored_at IS NULL)
              <> EXISTS (SELECT FROM stock_reservations r WHERE r.order_id = o.order_id AND r.status = 'RESERVED')
        UNION ALL
        SELECT o.order_id FROM step_outcomes o WHERE o.step = 'POINT'
          AND coalesce((SELECT sum(delta) FROM point_ledger l WHERE l.order_id = o.order_id), 0) <> 0
          AND NOT (o.outcome = 'COMPLETED' AND o.restored_at IS NULL)`;
      expect(liars).toEqual([] as never);
    }),
    { numRuns: propertyRuns(40) },
  );
});
