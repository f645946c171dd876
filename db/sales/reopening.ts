import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { SALE } from "../names.ts";
import type { LoadState } from "../schema.ts";

/** Where a sale that Redis does not know stands on its way back. */
export interface Reopening {
  readonly loadState: LoadState;
  /** Milliseconds until the loader expects to open it, by PostgreSQL's clock; negative: it is late. null: not said. */
  readonly opensInMs: number | null;
  /** Milliseconds since the sale's row was written last. */
  readonly writtenMsAgo: number;
  /** It has ended, or was closed: no claim wins any more, loaded or not. */
  readonly isOver: boolean;
  /** It is over, but it is being loaded or will be: a client that claims may be told to come back. */
  readonly comesBack: boolean;
  /** See hasLeft. */
  readonly hasLeft: boolean;
}

/** null: no such sale. Prepared, because a flood of made-up ids ends here. */
export async function findReopening(sql: Executor, couponId: string): Promise<Reopening | null> {
  const [row] = await sql<Reopening[]>`
    SELECT ${SALE.loadState} AS "loadState", (extract(epoch
      FROM ${SALE.recoveringUntil} - clock_timestamp()) * 1000)::float8 AS "opensInMs",
           (extract(epoch FROM clock_timestamp() - ${SALE.updatedAt}) * 1000)::float8 AS "writtenMsAgo",
           (${SALE.endsAt} <= clock_timestamp() OR ${SALE.state} = 'CLOSED') AS "isOver",
           ${SALE.loadState} IN ('RECOVERING', 'LOADING')
             OR ${SALE.loadState} = 'LOADED' AND ${SALE.leftRedisAt} IS NULL
             AND ${SALE.endsAt} > clock_timestamp() - interval '1 hour' AS "comesBack",
           ${hasLeft(sql)} AS "hasLeft"
    FROM ${SALE.table} WHERE ${SALE.id} = ${couponId}`;
  return row ?? null;
}

/**
 * Whether a sale of `coupons` is over and left Redis for good (role retention): nothing of it waits in a ledger or in the log, and
 * PostgreSQL alone answers for it. One whose end was moved into the future, or that is being rebuilt, is on its way back.
 */
export const hasLeft = (sql: Executor) => sql`
  (${SALE.leftRedisAt} IS NOT NULL AND ${SALE.endsAt} <= clock_timestamp() AND ${SALE.loadState} NOT IN ('RECOVERING', 'LOADING'))`;

/** Those of some sales that left Redis for good. */
export async function findLeftSales(sql: Executor, couponIds: readonly string[]): Promise<ReadonlySet<string>> {
  const distinct = [...new Set(couponIds)];
  const rows = await sql<{ id: string }[]>`
    SELECT ${SALE.id} FROM ${SALE.table} WHERE ${SALE.id} = ANY (${textArray(distinct)}::text[]) AND ${hasLeft(sql)}`;
  return new Set(rows.map(({ id }) => id));
}
