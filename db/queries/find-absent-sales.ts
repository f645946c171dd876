import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { belongsIntoRedis } from "./list-live-sales.ts";

/**
 * What PostgreSQL says of sales that Redis does not have: id → whether it is over for longer than `keepHours`, so that
 * nobody will ever load it again (listLiveSales). A sale that does not exist is missing.
 */
export async function findAbsentSales(
  sql: Executor,
  couponIds: readonly string[],
  keepHours: number,
): Promise<Map<string, boolean>> {
  const rows = await sql<{ id: string; over: boolean }[]>`
    SELECT id, NOT ${belongsIntoRedis(sql, keepHours)} AND load_state NOT IN ('RECOVERING', 'LOADING') AS over
    FROM coupons WHERE id = ANY (${textArray(couponIds)}::text[])`;
  return new Map(rows.map(({ id, over }) => [id, over]));
}
