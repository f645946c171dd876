import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderList, OrderSummary } from "../../contracts/orders/http.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { orderCursors } from "../../db/orders/list.ts";
import type { OpenOrder, PlacedOrders } from "../../lua/placed-orders.ts";

export interface OwnOrderSources extends Pick<PlacedOrders, "open" | "read"> {
  /** The user's orders in PostgreSQL. */
  readonly stored: (userId: UserId, cursor: string | null, limit: number) => Promise<OrderList>;
  readonly onError: (error: unknown) => void;
}

type Place = { readonly at: number; readonly id: string };

/** The sort order of both lists: by time, then by id, newest first. */
const isBefore = (a: Place, b: Place): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

/**
 * A user's orders from their acceptance on, newest first: those in PostgreSQL, and those that are not there yet. Redis is read
 * first, because an order that leaves it meanwhile is in PostgreSQL. An order in both is shown once, as PostgreSQL has it.
 * While Redis does not answer, only PostgreSQL's orders are shown.
 */
export function createListOwnOrders({ open, read, stored, onError }: OwnOrderSources) {
  async function waiting(userId: UserId, before: Place | null, most: number): Promise<OrderSummary[]> {
    const isWanted = ({ at, orderId }: OpenOrder) => before === null || isBefore({ at, id: orderId }, before);
    const wanted = (await open(userId)).filter(isWanted).slice(0, most);
    return (await read(userId, wanted)).map(pendingSummary);
  }

  return async (userId: UserId, cursor: string | null, limit: number): Promise<OrderList> => {
    const [at, id] = cursor === null ? [] : orderCursors.decode(cursor);
    const before = at === undefined || id === undefined ? null : { at, id };
    const unstored = await waiting(userId, before, limit + 1).catch((error: unknown) => {
      onError(error);
      return [];
    });
    const page = await stored(userId, cursor, limit);
    if (unstored.length === 0) return page;
    const known = new Set(page.items.map(({ orderId }) => orderId));
    const all = [...page.items, ...unstored.filter(({ orderId }) => !known.has(orderId))];
    // A waiting order that is older than this page belongs to a later page, so it is cut off.
    const items = all.sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? 1 : -1)).slice(0, limit);
    const more = all.length > limit || page.nextCursor !== null;
    const last = items.at(-1);
    const nextCursor = more && last !== undefined ? orderCursors.encode(placeOf(last).at, last.orderId) : null;
    return { items, nextCursor };
  };
}

const placeOf = ({ createdAt, orderId }: OrderSummary): Place => ({ at: Date.parse(createdAt), id: orderId });

/** An order that was accepted, and that the saga has not read yet. */
function pendingSummary({ data, occurredAt }: OrderCreated): OrderSummary {
  const { orderId, orderNumber, userId, items, totalAmount, discountAmount, pointsUsed, payableAmount } = data;
  const amounts = { totalAmount, discountAmount, pointsUsed, payableAmount };
  const { currency, couponId } = data;
  const named = { orderId, orderNumber, userId, status: "PENDING" as const, items };
  return { ...named, ...amounts, currency, couponId, createdAt: occurredAt, settledAt: null };
}
