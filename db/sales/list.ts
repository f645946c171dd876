import { and, desc, eq, inArray, lt, or } from "drizzle-orm";
import { COUPON_ID } from "../../contracts/wire/ids.ts";
import type { Orm } from "../client.ts";
import { timeCursors } from "../cursor.ts";
import { coupons } from "../schema.ts";

const cursors = timeCursors("sales", COUPON_ID);

/** The sales, newest first: all, or those that are LISTED. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listSales(
  orm: Orm,
  cursor: string | null,
  limit: number,
  listedOnly = false,
): Promise<{ rows: readonly SaleRow[]; nextCursor: string | null }> {
  let after: ReturnType<typeof or>;
  if (cursor !== null) {
    const [at, id] = cursors.decode(cursor);
    const time = new Date(at);
    after = or(lt(coupons.createdAt, time), and(eq(coupons.createdAt, time), lt(coupons.id, id)));
  }
  const rows = await orm
    .select()
    .from(coupons)
    .where(and(after, listedOnly ? eq(coupons.visibility, "LISTED") : undefined))
    .orderBy(desc(coupons.createdAt), desc(coupons.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { rows: page, nextCursor: last === undefined ? null : saleCursor(last) };
}

export type SaleRow = typeof coupons.$inferSelect;

/** The cursor of the page that begins after a sale. */
export const saleCursor = ({ createdAt, id }: SaleRow): string => cursors.encode(createdAt.getTime(), id);

/** The terms of those of the sales that exist. */
export function findSales(orm: Orm, couponIds: readonly string[]): Promise<readonly SaleRow[]> {
  return orm
    .select()
    .from(coupons)
    .where(inArray(coupons.id, [...couponIds]));
}

/** A sale's terms; null: no such sale. */
export async function findSale(orm: Orm, couponId: string): Promise<SaleRow | null> {
  const [row] = await orm.select().from(coupons).where(eq(coupons.id, couponId));
  return row ?? null;
}
