import type { OrderOfUser, ToldOrders } from "../../lua/told-orders.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import type { Personal } from "./messages.ts";

export interface News {
  /** What is to be told, in order. */
  readonly fresh: readonly Personal[];
  /** Call it when that was told. */
  told(): Promise<void>;
}

/**
 * Drops what an order's owner has been told already, or what a later message has overtaken: the saga says everything once
 * more after a crash, and "being undone" must not come after "cancelled".
 */
export async function withoutOldNews(orders: ToldOrders, messages: readonly Personal[], log: Log): Promise<News> {
  const about = new Map<string, OrderOfUser>();
  for (const { userId, order } of messages) if (order) about.set(order.orderId, { userId, orderId: order.orderId });
  if (about.size === 0) return { fresh: messages, told: async () => {} };
  const known = [...about.values()];
  const newest = await orders.newest(known);
  const last = new Map(known.map(({ orderId }, i) => [orderId, newest[i]!]));
  const fresh = messages.filter(({ order }) => {
    if (!order) return true;
    if (order.sequence <= last.get(order.orderId)!) return false;
    last.set(order.orderId, order.sequence);
    return true;
  });
  const marks = known.map((one, i) => ({ ...one, sequence: last.get(one.orderId)!, was: newest[i]! }));
  return {
    fresh,
    // Afterwards: a message that was marked and not written would be lost. Unmarked, it may be told twice.
    told: () =>
      orders
        .mark(marks.filter(({ sequence, was }) => sequence > was))
        .catch((error) => log.warn(failureCode(error), "what was told of orders may be told again")),
  };
}
