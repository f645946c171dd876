import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { belongsIntoRedis } from "./list-live-sales.ts";

export interface AbsentSale {
  /** For longer than `keepHours`: nobody loads it by itself. */
  readonly over: boolean;
  /** It is over and has not left Redis (role retention), nor was it closed: what was asked for before its end is to be decided. */
  readonly owed: boolean;
  readonly endsAt: number;
  readonly epoch: number;
}

/**
 * What PostgreSQL says of sales that Redis does not have: by id, above all whether it is over for longer than
 * `keepHours`, so that no loader looks at it (listLiveSales). A sale that does not exist is missing.
 */
export async function findAbsentSales(
  sql: Executor,
  couponIds: readonly string[],
  keepHours: number,
): Promise<Map<string, AbsentSale>> {
  const rows = await sql<({ id: string } & AbsentSale)[]>`
    SELECT id, NOT ${belongsIntoRedis(sql, keepHours)} AND load_state NOT IN ('RECOVERING', 'LOADING') AS over,
           left_redis_at IS NULL AND load_state = 'LOADED' AND state <> 'CLOSED' AS owed,
           floor(extract(epoch FROM ends_at) * 1000)::float8 AS "endsAt", epoch
    FROM coupons WHERE id = ANY (${textArray(couponIds)}::text[])`;
  return new Map(rows.map(({ id, ...sale }) => [id, sale]));
}
