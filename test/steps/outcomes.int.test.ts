import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Role } from "../../consumers/engine/role.ts";
import type { PlacedOrder } from "../../contracts/orders/saga-state.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, outcomeOf, type StepName, said, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

// What every step answers in every situation; what a step does besides is in its own file.
let world: ConsumerWorld;
let roles: Record<StepName, Role>;
beforeAll(async () => {
  world = await createWorld();
  roles = bench.stepRoles(world);
}, WORLD_MS);
afterAll(() => world.close());

const STEP_NAMES: readonly StepName[] = ["STOCK", "COUPON", "POINT", "SHIPPING"];
const handled = (step: StepName, ...records: OutgoingRecord[]) => bench.handled(world, roles[step], ...records);

let count = 0;
/** An order that the step can carry out, or (`refused`) can't. `mend`: makes it possible after all. `holds`: its effect stands. */
async function situation(step: StepName, refused = false) {
  const name = `${step.toLowerCase()}-${++count}`;
  const { sql } = world.db;
  const { rows } = world;
  switch (step) {
    case "STOCK": {
      await bench.newProduct(world, name, refused ? 1 : 2);
      return {
        order: anOrder({ items: [[name, 2]] }),
        mend: () => sql`UPDATE products SET stock = 10 WHERE id = ${name}`,
        holds: async () => (await bench.stockOf(world, name)).reserved === 2,
      };
    }
    case "COUPON": {
      const couponId = await world.newSale(1);
      await world.load(couponId);
      await sql`UPDATE coupons SET min_order_amount = ${refused ? 2_000 : 0} WHERE id = ${couponId}`;
      const [claim] = await world.claim(couponId, "ann");
      await world.settle([claim!]);
      return {
        order: anOrder({ couponId }),
        mend: () => sql`UPDATE coupons SET min_order_amount = 0 WHERE id = ${couponId}`,
        holds: async () => (await rows(couponId))[0]!.status === "USED",
      };
    }
    case "POINT": {
      await bench.newPurse(world, name, refused ? 49 : 50);
      return {
        order: anOrder({ userId: name, points: 50 }),
        mend: () => sql`UPDATE point_balances SET balance = 100 WHERE user_id = ${name}`,
        holds: async () =>
          (await sql`SELECT FROM point_ledger WHERE user_id = ${name} GROUP BY user_id HAVING sum(delta) = 0`)
            .length === 1,
      };
    }
    case "SHIPPING": {
      const order = anOrder({ country: refused ? "AQ" : "DE" });
      return {
        order,
        mend: async () => {},
        holds: async () =>
          (await sql`SELECT FROM shipments WHERE order_id = ${order.orderId} AND status = 'PREPARED'`).length === 1,
      };
    }
  }
}

const REFUSALS: Record<StepName, (order: PlacedOrder) => string> = {
  STOCK: ({ items }) => `StockDeductionFailed INSUFFICIENT_STOCK ${items[0]!.productId}`,
  COUPON: () => "CouponUsageFailed MIN_ORDER_AMOUNT",
  POINT: () => "PointDeductionFailed INSUFFICIENT_POINTS",
  SHIPPING: () => "ShippingFailed SHIPPING_NOT_SERVED",
};
const COMPLETED: Record<StepName, string> = {
  STOCK: "StockDeductionCompleted",
  COUPON: "CouponUsageCompleted",
  POINT: "PointDeductionCompleted",
  SHIPPING: "ShippingPrepared",
};
const RESTORED: Record<StepName, string> = {
  STOCK: "StockRestored",
  COUPON: "CouponRestored",
  POINT: "PointRestored",
  SHIPPING: "ShippingRestored",
};

for (const step of STEP_NAMES) {
  const outcome = (order: PlacedOrder) => outcomeOf(world, order.orderId, step as Step);

  test(`${step}: done once, answered every time with the same event`, async () => {
    const { order, holds } = await situation(step);
    const first = await handled(step, asked(step, order), asked(step, order));
    expect(first.map(said)).toEqual([COMPLETED[step]]);
    expect(await holds()).toBe(true);
    expect(await handled(step, asked(step, order))).toEqual(first);
    expect(await holds()).toBe(true);
    expect(await outcome(order)).toBe("COMPLETED");
    expect(first[0]).toMatchObject({ stream: `${order.orderId}/${step}`, sequence: 1, aggregateId: order.orderId });
  });

  test(`${step}: restored once, answered every time; its command then hears Restored too`, async () => {
    const { order, holds } = await situation(step);
    await handled(step, asked(step, order));
    const first = await handled(step, takenBack(step, order));
    expect(first.map(said)).toEqual([RESTORED[step]]);
    expect(first[0]).toMatchObject({ sequence: 2 });
    expect(await holds()).toBe(false);
    expect(await handled(step, takenBack(step, order), asked(step, order))).toEqual(first);
    expect(await holds()).toBe(false);
    expect(await outcome(order)).toBe("COMPLETED restored");
  });

  test(`${step}: a refusal is remembered, also when it would work by now, and has nothing to restore`, async () => {
    const { order, mend, holds } = await situation(step, true);
    const first = await handled(step, asked(step, order));
    expect(first.map(said)).toEqual([REFUSALS[step](order)]);
    await mend();
    expect(await handled(step, asked(step, order))).toEqual(first);
    expect((await handled(step, takenBack(step, order))).map(said)).toEqual([RESTORED[step]]);
    expect(await holds()).toBe(false);
    expect((await outcome(order)).startsWith("FAILED")).toBe(true);
  });

  test(`${step}: a restore that comes first, or with its command, leaves a tombstone`, async () => {
    const { order, holds } = await situation(step);
    const first = await handled(step, takenBack(step, order));
    expect(first.map(said)).toEqual([RESTORED[step]]);
    expect(first[0]).toMatchObject({ sequence: 1 });
    expect(await handled(step, asked(step, order))).toEqual(first);
    expect(await outcome(order)).toBe("TOMBSTONE");
    expect(await holds()).toBe(false);

    const together = await situation(step);
    const said2 = await handled(step, asked(step, together.order), takenBack(step, together.order));
    expect(said2.map(said)).toEqual([RESTORED[step]]);
    expect(await outcome(together.order)).toBe("TOMBSTONE");
    expect(await together.holds()).toBe(false);
  });

  test(`${step}: effects are committed before the answer; an answer that got lost is given again`, async () => {
    const { order, holds } = await situation(step);
    const mute = bench.stepRoles(world, {
      sendAll: () => Promise.reject(Object.assign(new Error("no broker"), { code: "ECONNREFUSED" })),
    })[step];
    await expect(bench.handled(world, mute, asked(step, order))).rejects.toThrow("no broker");
    expect(await holds()).toBe(true);
    expect((await handled(step, asked(step, order))).map(said)).toEqual([COMPLETED[step]]);
    expect(await holds()).toBe(true);
  });

  test(`${step}: two processes that get the same requests at once do it once`, async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => situation(step)));
    const other = bench.stepRoles(world)[step];
    const records = made.map(({ order }) => asked(step, order));
    const backwards = [...records].reverse();
    const undone = made.slice(0, 5).map(({ order }) => takenBack(step, order));
    await Promise.all([
      handled(step, ...records),
      bench.handled(world, other, ...backwards),
      bench.handled(world, other, ...undone),
    ]);
    await handled(step, ...undone);
    for (const [i, { order, holds }] of made.entries()) {
      expect(await holds()).toBe(i >= 5);
      expect((await outcome(order)).startsWith(i >= 5 ? "COMPLETED" : "")).toBe(true);
    }
  });
}
