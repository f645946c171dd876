import type { UserId } from "../contracts/ids.ts";
import type { OrderId } from "../contracts/order-ids.ts";
import { toldKey } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

export interface OrderOfUser {
  readonly userId: UserId;
  readonly orderId: OrderId;
}

/** How far owners have been told about their orders. Rejects with StampedeError. */
export interface ToldOrders {
  /** The last place of each order's stream that its owner was told of; 0: nothing that is still known. */
  newest(orders: readonly OrderOfUser[]): Promise<number[]>;
  mark(told: readonly (OrderOfUser & { readonly sequence: number })[]): Promise<void>;
}

/** Repeated messages come after a crash or a rebalance: minutes later, not hours. */
const KEEP_S = 3_600;

export function createToldOrders(redis: RedisConnection): ToldOrders {
  return {
    // Single commands of one turn: they travel in one packet, and on a cluster each finds its user's node.
    async newest(orders) {
      const found = await Promise.all(orders.map(({ userId, orderId }) => redis.get(toldKey(userId, orderId)))).catch(
        rethrow,
      );
      return found.map(Number);
    },
    async mark(told) {
      const marked = told.map(({ userId, orderId, sequence }) =>
        redis.set(toldKey(userId, orderId), sequence, "EX", KEEP_S),
      );
      await Promise.all(marked).catch(rethrow);
    },
  };
}
