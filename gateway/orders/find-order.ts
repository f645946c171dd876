import type { OrderCreated } from "../../contracts/orders/events.ts";
import { isOrderId, type OrderId, type OrderNumber, orderNumberIn, orderNumberOf } from "../../contracts/orders/ids.ts";
import { type PlacedOrder, type SagaState, stepsOf } from "../../contracts/orders/saga-state.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { OrderState } from "../../db/orders/find.ts";
import type { OpenOrder } from "../../lua/placed-orders.ts";
import type { Identity } from "../auth/identity.ts";
import { isOperator } from "../auth/roles.ts";

export interface OrderLookupSources {
  /** The order in PostgreSQL. */
  readonly stored: (orderId: OrderId) => Promise<OrderState | null>;
  /** The order in Redis, which PostgreSQL may not have yet. */
  readonly pending: (userId: UserId, orderId: OrderId) => Promise<OrderCreated | null>;
  /** The same, for every owner. */
  readonly pendingOfAnybody: (orderId: OrderId) => Promise<OrderCreated | null>;
  /** Orders of the user that PostgreSQL may not have yet. */
  readonly open: (userId: UserId) => Promise<readonly Pick<OpenOrder, "orderId">[]>;
  /** PostgreSQL's orders with this number, of any user. */
  readonly numbered: (number: OrderNumber) => Promise<readonly OrderId[]>;
}

/** An order for a caller who may see it. */
export type FoundOrder = Pick<SagaState, "status" | "steps" | "failure"> & { readonly order: PlacedOrder };

/**
 * Finds an order by its id or number. null: it does not exist, or belongs to another user. Operators see every order, by its
 * number as soon as PostgreSQL has it.
 */
export type FindOrder = (reference: string, who: Identity) => Promise<FoundOrder | null>;

function asPlaced(created: OrderCreated): FoundOrder {
  const { idempotencyKey: _, ...data } = created.data;
  const order: PlacedOrder = { ...data, createdAt: Date.parse(created.occurredAt) };
  return { status: "PENDING", order, steps: stepsOf(order) };
}

/**
 * PostgreSQL first, then the ledger, and PostgreSQL once more, because an order may have left the ledger for PostgreSQL between
 * the two lookups. While PostgreSQL does not answer, the ledger's order is shown: no order makes progress then.
 */
export function createFindOrder(sources: OrderLookupSources): FindOrder {
  const byId = createFindById(sources);
  return async (reference, who) => {
    if (isOrderId(reference)) return await byId(reference, who);
    const number = orderNumberIn(reference);
    if (number === null) return null;
    // The user's waiting orders are few. They are read before PostgreSQL, so that an order that moves there is not missed.
    for (const orderId of new Set([...(await ownOf(sources, who, number)), ...(await sources.numbered(number))])) {
      const found = await byId(orderId, who);
      if (found !== null) return found;
    }
    return null;
  };
}

/** Whether the order is the caller's. An operator with an issuer apart owns none, whatever their user id. */
export const isOwner = ({ userId, isCustomer }: Identity, { order }: FoundOrder): boolean =>
  isCustomer && order.userId === userId;

async function ownOf({ open }: OrderLookupSources, who: Identity, number: OrderNumber): Promise<OrderId[]> {
  const ids = (await open(who.userId)).map(({ orderId }) => orderId);
  return ids.filter((orderId) => orderNumberOf(orderId) === number);
}

function createFindById({ stored, pending, pendingOfAnybody }: OrderLookupSources) {
  return async (orderId: OrderId, who: Identity): Promise<FoundOrder | null> => {
    const { userId } = who;
    const seesAll = isOperator(who);
    const visible = (order: FoundOrder | null) => (order !== null && (seesAll || isOwner(who, order)) ? order : null);
    let away: unknown;
    const first = await stored(orderId).catch((error: unknown) => {
      away = error;
      return null;
    });
    if (first !== null) return visible(first);
    const created = await (seesAll ? pendingOfAnybody(orderId) : pending(userId, orderId));
    if (created !== null) return visible(asPlaced(created));
    if (away !== undefined) throw away;
    return visible(await stored(orderId));
  };
}
