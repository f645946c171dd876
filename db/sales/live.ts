import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { columnsOf, SALE } from "../names.ts";
import { coupons, type LoadState, type SaleIntent } from "../schema.ts";

export interface LiveSale {
  readonly id: string;
  readonly name: string;
  readonly total: number;
  readonly epoch: number;
  readonly state: SaleIntent;
  readonly loadState: LoadState;
  readonly issueMode: "DIRECT" | "QUEUED";
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/** The columns of a `LiveSale`. */
export const LIVE_SALE = columnsOf(coupons, [
  "id",
  "name",
  "total",
  "epoch",
  "state",
  "loadState",
  "issueMode",
  "startsAt",
  "endsAt",
]);

/**
 * Sales that belong into Redis: everything that has not ended for longer than `keepHours` (a winner who asks again after
 * the end still gets their win from there, and claims of the last seconds may still wait in the ledger), and whatever
 * the loader began and has not finished. In the order in which they matter: what is open now, then what opens next, then what
 * has ended, the latest first; after a Redis was lost they are brought back in this order.
 */
export function listLiveSales(sql: Executor, keepHours: number): Promise<readonly LiveSale[]> {
  return sql<LiveSale[]>`
    SELECT ${LIVE_SALE} FROM ${SALE.table}
    WHERE ${belongsIntoRedis(sql, keepHours)} OR ${SALE.loadState} IN ('RECOVERING', 'LOADING')
    ORDER BY CASE WHEN ${SALE.endsAt} <= now() THEN 2 WHEN ${SALE.startsAt} > now() THEN 1 ELSE 0 END,
             CASE WHEN ${SALE.endsAt} <= now() THEN now() - ${SALE.endsAt} ELSE greatest(${SALE.startsAt} - now(),
             interval '0') END, ${SALE.id}`;
}

/**
 * Loaded sales that have ended for longer than `keepHours` and have not left Redis: role retention takes them out once nothing of
 * them waits. Those of `known` and the next ones after a place, in the order of their ends.
 */
export async function listOverdueSales(
  sql: Executor,
  keepHours: number,
  known: readonly string[],
  after: { readonly id: string; readonly endsAt: Date } | null,
  limit: number,
): Promise<{
  readonly known: readonly string[];
  readonly next: readonly { readonly id: string; readonly endsAt: Date }[];
}> {
  const isOverdue = sql`
    ${SALE.leftRedisAt} IS NULL AND ${SALE.loadState} = 'LOADED'
    AND ${SALE.endsAt} <= now() - make_interval(hours => ${keepHours})`;
  const next = await sql<{ id: string; endsAt: Date }[]>`
    SELECT ${SALE.id}, ${SALE.endsAt} AS "endsAt" FROM ${SALE.table}
    WHERE ${isOverdue} ${after ? sql`AND (${SALE.endsAt}, ${SALE.id}) > (${after.endsAt}, ${after.id})` : sql``}
    ORDER BY ${SALE.endsAt}, ${SALE.id} LIMIT ${limit}`;
  if (known.length === 0) return { known, next };
  const still = await sql<{ id: string }[]>`
    SELECT ${SALE.id} FROM ${SALE.table} WHERE ${isOverdue} AND ${SALE.id} = ANY (${textArray(known)}::text[])`;
  return { known: still.map(({ id }) => id), next };
}

/**
 * Whether Redis should have a sale of `coupons`: it has not been over for `keepHours`. One that role retention took out stays
 * out, whatever this process takes for the time, unless its end was moved into the future.
 */
export const belongsIntoRedis = (sql: Executor, keepHours: number) => sql`
  (${SALE.endsAt} > now() OR (${SALE.leftRedisAt} IS NULL AND ${SALE.endsAt} > now() - make_interval(hours => ${keepHours})))`;

export interface AbsentSale {
  /** For longer than `keepHours`: no loader loads it. */
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
    SELECT ${SALE.id}, NOT ${belongsIntoRedis(sql, keepHours)} AND ${SALE.loadState} NOT IN ('RECOVERING', 'LOADING') AS over,
           ${SALE.leftRedisAt} IS NULL AND ${SALE.loadState} = 'LOADED' AND ${SALE.state} <> 'CLOSED' AS owed,
           floor(extract(epoch FROM ${SALE.endsAt}) * 1000)::float8 AS "endsAt", ${SALE.epoch}
    FROM ${SALE.table} WHERE ${SALE.id} = ANY (${textArray(couponIds)}::text[])`;
  return new Map(rows.map(({ id, ...sale }) => [id, sale]));
}
