import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { LoadState } from "../schema.ts";

/** Where a sale that Redis does not know stands on its way back. */
export interface Reopening {
  readonly load_state: LoadState;
  /** Milliseconds until the loader expects to open it, by PostgreSQL's clock; negative: it is late. null: not said. */
  readonly opens_in_ms: number | null;
  /** Milliseconds since the sale's row was written last. */
  readonly written_ms_ago: number;
  /** It has ended, or was closed: nobody wins any more, loaded or not. */
  readonly is_over: boolean;
  /** It is over, and it is being loaded all the same, or is about to be: who wants to claim may be told to come back. */
  readonly comes_back: boolean;
  /** See hasLeft. */
  readonly has_left: boolean;
}

/** null: no such sale. Prepared, because a flood of made-up ids ends here. */
export async function findReopening(sql: Executor, couponId: string): Promise<Reopening | null> {
  const [row] = await sql<Reopening[]>`
    SELECT load_state, (extract(epoch FROM recovering_until - clock_timestamp()) * 1000)::float8 AS opens_in_ms,
           (extract(epoch FROM clock_timestamp() - updated_at) * 1000)::float8 AS written_ms_ago,
           (ends_at <= clock_timestamp() OR state = 'CLOSED') AS is_over,
           load_state IN ('RECOVERING', 'LOADING')
             OR load_state = 'LOADED' AND left_redis_at IS NULL AND ends_at > clock_timestamp() - interval '1 hour' AS comes_back,
           ${hasLeft(sql)} AS has_left
    FROM coupons WHERE id = ${couponId}`;
  return row ?? null;
}

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
