import { expect, test } from "bun:test";
import fc from "fast-check";
import type { OrderList } from "../../contracts/orders/http.ts";
import { type OrderId, orderIdOf } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { orderCursors } from "../../db/orders/list.ts";
import { createListOwnOrders } from "./own-orders.ts";

const ann = "ann" as UserId;
interface Order {
  readonly id: OrderId;
  readonly at: number;
  /** At which look it moves from Redis to PostgreSQL, and at which it leaves Redis. */
  readonly storedAt: number;
  readonly leavesAt: number;
}

/** Redis and PostgreSQL as they are at each look, and how often they were looked at. */
function shop(orders: readonly Order[]) {
  let looks = 0;
  const newestFirst = orders.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  return createListOwnOrders({
    async open() {
      looks++;
      return newestFirst
        .filter(({ leavesAt }) => leavesAt >= looks)
        .map(({ id, at }) => ({ orderId: id, ledgerId: id, at }));
    },
    async read(_, wanted) {
      return wanted.map(({ orderId, at }) => created(orderId, at));
    },
    async stored(_, cursor, limit): Promise<OrderList> {
      const [at, id] = cursor === null ? [Number.POSITIVE_INFINITY, ""] : orderCursors.decode(cursor);
      const there = newestFirst.filter((one) => one.storedAt <= looks);
      const rest = there.filter((one) => one.at < at || (one.at === at && one.id < id));
      const items = rest.slice(0, limit).map((one) => ({ ...summary(one.id, one.at), status: "COMPLETED" }));
      const last = rest.length > limit ? rest[limit - 1] : undefined;
      return { items, nextCursor: last === undefined ? null : orderCursors.encode(last.at, last.id) } as never;
    },
    onError: () => {},
  });
}
const summary = (orderId: OrderId, at: number) => ({ orderId, createdAt: new Date(at).toISOString() });
const created = (orderId: OrderId, at: number) =>
  ({ occurredAt: new Date(at).toISOString(), data: { orderId } }) as never;

test("every order once, whatever moves from Redis to PostgreSQL between two pages, newest first", async () => {
  const order = fc
    .record({ at: fc.integer({ min: 0, max: 5 }), storedAt: fc.integer({ min: 0, max: 6 }), lag: fc.nat({ max: 3 }) })
    .map(({ at, storedAt, lag }) => ({ at, storedAt, leavesAt: storedAt + lag }));
  const anyOrders = fc
    .array(order, { maxLength: 12 })
    .map((all) => all.map((one, i) => ({ ...one, id: orderIdOf(ann, `k${i}`, "{}") })));
  await fc.assert(
    fc.asyncProperty(anyOrders, fc.integer({ min: 1, max: 4 }), async (orders, limit) => {
      const list = shop(orders);
      const seen: { orderId: string; createdAt: string }[] = [];
      let cursor: string | null = null;
      do {
        const page: OrderList = await list(ann, cursor, limit);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      const expected = orders.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).map(({ id }) => id);
      expect(seen.map(({ orderId }) => orderId)).toEqual(expected);
    }),
  );
});

test("while Redis does not answer, PostgreSQL's are shown", async () => {
  const errors: unknown[] = [];
  const page = { items: [summary(orderIdOf(ann, "k", "{}"), 1)], nextCursor: null } as never;
  const list = createListOwnOrders({
    async open() {
      throw new Error("away");
    },
    read: async () => [],
    stored: async () => page,
    onError: (error) => errors.push(error),
  });
  expect(await list(ann, null, 10)).toEqual(page);
  expect(errors).toHaveLength(1);
});
