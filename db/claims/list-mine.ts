import { and, desc, eq, isNotNull, lt, ne } from "drizzle-orm";
import { unionAll } from "drizzle-orm/pg-core";
import type { MyCoupon } from "../../contracts/claims/http.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { CouponId, RequestId } from "../../contracts/wire/ids.ts";
import type { Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { shownTerms, TERM_COLUMNS } from "../sales/terms.ts";
import { coupons, revocations, userCoupons } from "../schema.ts";

const cursors = serialCursors("my-coupons");

/**
 * A user's coupons with what they take off, newest first. One that an operator revoked is still shown, with the slot it had; claims that were given
 * up before they were coupons stay out. Two selects, each with its own index: the one on users knows no revoked rows.
 * @throws StampedeError VALIDATION_FAILED for a foreign cursor
 */
export async function listMyCoupons(
  orm: Orm,
  userId: string,
  cursor: string | null,
  limit: number,
): Promise<{ items: readonly MyCoupon[]; nextCursor: string | null }> {
  const before = cursor === null ? undefined : lt(userCoupons.id, cursors.decode(cursor)[0]);
  const columns = {
    id: userCoupons.id,
    couponId: userCoupons.couponId,
    name: coupons.name,
    requestId: userCoupons.requestId,
    slot: userCoupons.slot,
    status: userCoupons.status,
    issuedAt: userCoupons.issuedAt,
    orderId: userCoupons.orderId,
    ...TERM_COLUMNS,
  };
  const held = orm
    .select(columns)
    .from(userCoupons)
    .innerJoin(coupons, eq(coupons.id, userCoupons.couponId))
    .where(and(eq(userCoupons.userId, userId), ne(userCoupons.status, "REVOKED"), before));
  const revoked = orm
    .select({ ...columns, slot: revocations.slot })
    .from(revocations)
    .innerJoin(userCoupons, eq(userCoupons.requestId, revocations.requestId))
    .innerJoin(coupons, eq(coupons.id, userCoupons.couponId))
    .where(and(eq(revocations.userId, userId), isNotNull(revocations.slot), before));
  const rows = await unionAll(held, revoked)
    .orderBy((row) => desc(row.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map(
      (row): MyCoupon => ({
        id: String(row.id),
        couponId: row.couponId as CouponId,
        name: row.name,
        requestId: row.requestId as RequestId,
        slot: row.slot!,
        status: row.status,
        issuedAt: row.issuedAt.toISOString(),
        orderId: row.orderId as OrderId | null,
        ...shownTerms(row),
      }),
    ),
    nextCursor: last === undefined ? null : cursors.encode(last.id),
  };
}
