import { and, desc, eq, lt, ne } from "drizzle-orm";
import type { MyCoupon } from "../../contracts/http.ts";
import type { Orm } from "../client.ts";
import { coupons, userCoupons } from "../schema.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const isKey = ([id, ...more]: readonly unknown[]) => Number.isSafeInteger(id) && more.length === 0;

/**
 * A user's coupons, newest first. Claims that were given up are not coupons and stay out (the condition is also what lets
 * the partial index on (user_id, coupon_id) find them). @throws StampedeError VALIDATION_FAILED for a foreign cursor
 */
export async function listMyCoupons(
  orm: Orm,
  userId: string,
  cursor: string | null,
  limit: number,
): Promise<{ items: readonly MyCoupon[]; nextCursor: string | null }> {
  const before = cursor === null ? undefined : lt(userCoupons.id, decodeCursor<[number]>(cursor, isKey)[0]);
  const rows = await orm
    .select({
      id: userCoupons.id,
      couponId: userCoupons.couponId,
      name: coupons.name,
      requestId: userCoupons.requestId,
      slot: userCoupons.slot,
      status: userCoupons.status,
      issuedAt: userCoupons.issuedAt,
    })
    .from(userCoupons)
    .innerJoin(coupons, eq(coupons.id, userCoupons.couponId))
    .where(and(eq(userCoupons.userId, userId), ne(userCoupons.status, "REVOKED"), before))
    .orderBy(desc(userCoupons.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map((row) => ({ ...row, id: String(row.id), issuedAt: row.issuedAt.toISOString() }) as MyCoupon),
    nextCursor: last === undefined ? null : encodeCursor(last.id),
  };
}
