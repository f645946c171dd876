import { and, desc, eq, lt } from "drizzle-orm";
import type { MyPoints } from "../../contracts/shop/http-points.ts";
import type { Orm } from "../client.ts";
import { serialCursors } from "../cursor.ts";
import { pointBalances, pointLedger } from "../schema.ts";

const cursors = serialCursors("points");

/**
 * A user's balance, and what made it, newest first. The two are read one after the other: a page may already show what the
 * balance beside it does not count. @throws StampedeError VALIDATION_FAILED for a foreign cursor
 */
export async function listMyPoints(orm: Orm, userId: string, cursor: string | null, limit: number): Promise<MyPoints> {
  const before = cursor === null ? undefined : lt(pointLedger.id, cursors.decode(cursor)[0]);
  const [own] = await orm
    .select({ balance: pointBalances.balance })
    .from(pointBalances)
    .where(eq(pointBalances.userId, userId));
  const rows = await orm
    .select()
    .from(pointLedger)
    .where(and(eq(pointLedger.userId, userId), before))
    .orderBy(desc(pointLedger.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  const items = page.map(({ id, delta, reason, orderId, createdAt }) => {
    return { id: String(id), delta, reason, orderId, createdAt: createdAt.toISOString() };
  });
  return {
    balance: own?.balance ?? 0,
    items,
    nextCursor: last === undefined ? null : cursors.encode(last.id),
  } as MyPoints;
}
