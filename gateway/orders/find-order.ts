import type { UserId } from "../../contracts/ids.ts";
import type { OrderCreated } from "../../contracts/order-events.ts";
import type { OrderId } from "../../contracts/order-ids.ts";
import { type PlacedOrder, type SagaState, stepsOf } from "../../contracts/saga-state.ts";
import type { OrderState } from "../../db/queries/find-order.ts";
import type { Identity } from "../auth/hs256.ts";

export interface OrderSources {
  /** PostgreSQL's word. */
  readonly stored: (orderId: OrderId) => Promise<OrderState | null>;
  /** Redis' word, of an order that PostgreSQL may not have yet. */
  readonly pending: (userId: UserId, orderId: OrderId) => Promise<OrderCreated | null>;
  /** The same, whoever's it is. */
  readonly pendingOfAnybody: (orderId: OrderId) => Promise<OrderCreated | null>;
}

/** An order as somebody may see it. */
export type FoundOrder = Pick<SagaState, "status" | "steps" | "failure"> & { readonly order: PlacedOrder };

/** Of an order that is somebody else's, null, as of one that never was. Operators see everybody's. */
export type FindOrder = (orderId: OrderId, who: Identity) => Promise<FoundOrder | null>;

function asPlaced(created: OrderCreated): FoundOrder {
  const { idempotencyKey: _, ...data } = created.data;
  const order: PlacedOrder = { ...data, createdAt: Date.parse(created.occurredAt) };
  return { status: "PENDING", order, steps: stepsOf(order) };
}

/**
 * PostgreSQL first, then the ledger; and PostgreSQL once more, because between the two looks an order may have gone from
 * the one to the other. While PostgreSQL does not answer, what the ledger holds is shown: nothing happens to an order then.
 */
export function createFindOrder({ stored, pending, pendingOfAnybody }: OrderSources): FindOrder {
  return async (orderId, { userId, role }) => {
    const visible = (order: FoundOrder | null) =>
      order !== null && (order.order.userId === userId || role === "operator") ? order : null;
    let away: unknown;
    const first = await stored(orderId).catch((error: unknown) => {
      away = error;
      return null;
    });
    if (first !== null) return visible(first);
    const created = await (role === "operator" ? pendingOfAnybody(orderId) : pending(userId, orderId));
    if (created !== null) return asPlaced(created);
    if (away !== undefined) throw away;
    return visible(await stored(orderId));
  };
}
