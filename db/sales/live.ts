import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { LoadState, SaleIntent } from "../schema.ts";

export interface LiveSale {
  readonly id: string;
  readonly name: string;
  readonly total: number;
  readonly epoch: number;
  readonly state: SaleIntent;
  readonly load_state: LoadState;
  readonly issue_mode: "DIRECT" | "QUEUED";
  readonly starts_at: Date;
  readonly ends_at: Date;
}

/**
 * Sales that belong into Redis: everything that has not ended for longer than `keepHours` (a winner who asks again after
 * the end still gets their win from there, and claims of the last seconds may still wait in the ledger), and whatever
 * the loader began and has not finished. In the order in which they matter: what is open now, then what opens next, then what
 * has ended, the latest first; after a Redis was lost they are brought back in this order.
 */
export function listLiveSales(sql: Executor, keepHours: number): Promise<readonly LiveSale[]> {
  return sql<LiveSale[]>`
    SELECT id, name, total, epoch, state, load_state, issue_mode, starts_at, ends_at FROM coupons
    WHERE ${belongsIntoRedis(sql, keepHours)} OR load_state IN ('RECOVERING', 'LOADING')
    ORDER BY CASE WHEN ends_at <= now() THEN 2 WHEN starts_at > now() THEN 1 ELSE 0 END,
             CASE WHEN ends_at <= now() THEN now() - ends_at ELSE greatest(starts_at - now(), interval '0') END, id`;
}

/**
 * Loaded sales that have ended for longer than `keepHours` and have not left Redis: role retention takes them out once nothing of
 * them waits. Those of `known` and the next ones after a place, in the order of their ends.
 */
export async function listOverdueSales(
  sql: Executor,
  keepHours: number,
  known: readonly string[],
  after: { readonly id: string; readonly ends_at: Date } | null,
  limit: number,
): Promise<{
  readonly known: readonly string[];
  readonly next: readonly { readonly id: string; readonly ends_at: Date }[];
}> {
  const isOverdue = sql`
    left_redis_at IS NULL AND load_state = 'LOADED' AND ends_at <= now() - make_interval(hours => ${keepHours})`;
  const next = await sql<{ id: string; ends_at: Date }[]>`
    SELECT id, ends_at FROM coupons
    WHERE ${isOverdue} ${after ? sql`AND (ends_at, id) > (${after.ends_at}, ${after.id})` : sql``}
    ORDER BY ends_at, id LIMIT ${limit}`;
  if (known.length === 0) return { known, next };
  const still = await sql<{ id: string }[]>`
    SELECT id FROM coupons WHERE ${isOverdue} AND id = ANY (${textArray(known)}::text[])`;
  return { known: still.map(({ id }) => id), next };
}

/**
 * Whether Redis should have a sale of `coupons`: it has not been over for `keepHours`. One that role retention took out stays
 * out, whatever this process takes for the time, unless its end was moved into the future.
 */
export const belongsIntoRedis = (sql: Executor, keepHours: number) => sql`
  (ends_at > now() OR (left_redis_at IS NULL AND ends_at > now() - make_interval(hours => ${keepHours})))`;

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
