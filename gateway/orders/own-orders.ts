import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderList, OrderSummary } from "../../contracts/orders/http.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { orderCursors } from "../../db/orders/list.ts";
import type { OpenOrder, PlacedOrders } from "../../lua/placed-orders.ts";

export interface OwnOrderSources extends Pick<PlacedOrders, "open" | "read"> {
  /** What PostgreSQL has. */
  readonly stored: (userId: UserId, cursor: string | null, limit: number) => Promise<OrderList>;
  readonly onError: (error: unknown) => void;
}

type Place = { readonly at: number; readonly id: string };

/** As both lists are sorted: by time, then by id, newest first. */
const isBefore = (a: Place, b: Place): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

/**
 * A user's orders from their first moment, newest first: PostgreSQL's, and those that wait for it. Redis is asked first: what
 * has left it since, PostgreSQL has, and what is in both is shown once, as PostgreSQL has it. While Redis does not answer,
 * PostgreSQL's are shown.
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
    // An order that waits and is older than the page is PostgreSQL's next page's, or this list's next one's: it is cut off.
    const items = all.sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? 1 : -1)).slice(0, limit);
    const more = all.length > limit || page.nextCursor !== null;
    const last = items.at(-1);
    const nextCursor = more && last !== undefined ? orderCursors.encode(placeOf(last).at, last.orderId) : null;
    return { items, nextCursor };
  };
}

const placeOf = ({ createdAt, orderId }: OrderSummary): Place => ({ at: Date.parse(createdAt), id: orderId });

/** An order that was accepted, and that the saga has not seen yet. */
function pendingSummary({ data, occurredAt }: OrderCreated): OrderSummary {
  const { orderId, orderNumber, userId, items, totalAmount, discountAmount, pointsUsed, payableAmount } = data;
  const amounts = { totalAmount, discountAmount, pointsUsed, payableAmount };
  const { currency, couponId } = data;
  const named = { orderId, orderNumber, userId, status: "PENDING" as const, items };
  return { ...named, ...amounts, currency, couponId, createdAt: occurredAt, settledAt: null };
}
