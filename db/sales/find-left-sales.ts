import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Whether a sale of `coupons` is over and left Redis for good (role retention): nothing of it waits in a ledger or in the log, and
 * PostgreSQL alone answers for it. One whose end was moved into the future, or that is being rebuilt, is on its way back.
 */
export const hasLeft = (sql: Executor) => sql`
  (left_redis_at IS NOT NULL AND ends_at <= clock_timestamp() AND load_state NOT IN ('RECOVERING', 'LOADING'))`;

/** Those of some sales that left Redis for good. */
export async function findLeftSales(sql: Executor, couponIds: readonly string[]): Promise<ReadonlySet<string>> {
  const distinct = [...new Set(couponIds)];
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM coupons WHERE id = ANY (${textArray(distinct)}::text[]) AND ${hasLeft(sql)}`;
  return new Set(rows.map(({ id }) => id));
}
