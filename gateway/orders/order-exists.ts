import type { OrderId } from "../../contracts/order-ids.ts";

/** Whether PostgreSQL has an order. @throws what the database threw */
export type OrderExists = (orderId: OrderId) => Promise<boolean>;

/** @param known those of the orders that PostgreSQL has; the orders of one event-loop turn are asked for together */
export function createOrderExists(known: (ids: readonly OrderId[]) => Promise<ReadonlySet<OrderId>>): OrderExists {
  let turn: { readonly ids: OrderId[]; readonly found: Promise<ReadonlySet<OrderId>> } | undefined;
  const startTurn = () => {
    const ids: OrderId[] = [];
    const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      turn = undefined;
      return known(ids);
    });
    return { ids, found };
  };
  return async (orderId) => {
    turn ??= startTurn();
    turn.ids.push(orderId);
    return (await turn.found).has(orderId);
  };
}
