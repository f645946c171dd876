import { and, desc, eq, lt, or, sql } from "drizzle-orm";
import type { OrderList } from "../../contracts/orders/http.ts";
import { ORDER_ID } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Orm } from "../client.ts";
import { timeCursors } from "../cursor.ts";
import { orderItems, orders } from "../schema.ts";

/** Of GET /me/orders and GET /admin/orders. */
export const orderCursors = timeCursors("orders", ORDER_ID);

/** Orders, newest first; of one user, or of all (null). @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listOrders(
  orm: Orm,
  userId: string | null,
  cursor: string | null,
  limit: number,
): Promise<OrderList> {
  const own = userId === null ? undefined : eq(orders.userId, userId);
  const rows = await orm
    .select()
    .from(orders)
    .where(and(own, cursor === null ? undefined : before(cursor)))
    .orderBy(desc(orders.createdAt), desc(orders.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const ids = page.map(({ id }) => id);
  // One parameter however many orders: `inArray` would be another prepared statement for each number of them.
  const ofPage = sql`${orderItems.orderId} = ANY (${textArray(ids)}::text[])`;
  const lines = ids.length === 0 ? [] : await orm.select().from(orderItems).where(ofPage).orderBy(orderItems.productId);
  const items = new Map(ids.map((id) => [id, [] as typeof lines]));
  for (const line of lines) items.get(line.orderId)?.push(line);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map((row) => ({
      orderId: row.id,
      orderNumber: row.orderNumber,
      userId: row.userId,
      status: row.status,
      items: (items.get(row.id) ?? []).map(({ productId, quantity, unitPrice }) => ({
        productId,
        quantity,
        unitPrice,
      })),
      totalAmount: row.totalAmount,
      discountAmount: row.discountAmount,
      pointsUsed: row.pointsUsed,
      payableAmount: row.payableAmount,
      currency: row.currency,
      couponId: row.couponId,
      createdAt: row.createdAt.toISOString(),
      settledAt: row.settledAt?.toISOString() ?? null,
      ...(row.failureReason === null ? {} : { failureReason: row.failureReason }),
      ...(row.failureProductId === null ? {} : { failureProductId: row.failureProductId }),
    })),
    nextCursor: last === undefined ? null : orderCursors.encode(last.createdAt.getTime(), last.id),
  } as OrderList;
}

function before(cursor: string) {
  const [at, id] = orderCursors.decode(cursor);
  const time = new Date(at);
  return or(lt(orders.createdAt, time), and(eq(orders.createdAt, time), lt(orders.id, id)));
}
