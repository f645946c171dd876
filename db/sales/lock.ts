import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { SALE } from "../names.ts";
import type { LoadState, SaleIntent } from "../schema.ts";

/** First key of the advisory locks on a sale; the second is the id's hash, where a collision only waits needlessly. */
export const SALE_LOCK = 5_784_302;

/** How far the clocks of PostgreSQL's machine and of any Redis that ever held a sale may be apart, seconds. */
export const CLOCK_SKEW_S = 60;

export interface SharedSale {
  readonly id: string;
  readonly total: number;
  readonly epoch: number;
  readonly loadState: LoadState;
  /** The transaction's time: what `issued_at` of its rows says. */
  readonly now: Date;
}

/**
 * Holds the sales of a batch still until the transaction ends: their epoch, total and load state cannot change meanwhile.
 * `couponIds` must be sorted (lock order) and distinct. A sale that doesn't exist has no row in the answer.
 *
 * Two locks, because row locks alone are not fair: while FOR SHARE transactions overlap, new ones pass a waiting
 * UPDATE, and an operator's pause waited 0.6 s for four overlapping batch loops (measured). The advisory lock
 * has a fair queue: the same pause waits 0.02 s. The row lock stays for statements that change a sale without the advisory lock.
 */
export async function shareSales(sql: Executor, couponIds: readonly string[]): Promise<readonly SharedSale[]> {
  const ids = textArray(couponIds);
  // Sent together: the statements run in order on one connection and cost one round trip.
  const [, sales] = await Promise.all([
    sql`SELECT pg_advisory_xact_lock_shared(${SALE_LOCK}, hashtext(id)) FROM unnest(${ids}::text[]) AS id`.execute(),
    sql<SharedSale[]>`
      SELECT ${SALE.id}, ${SALE.total}, ${SALE.epoch}, ${SALE.loadState} AS "loadState", now()::timestamptz(3) AS now
        FROM ${SALE.table}
      WHERE ${SALE.id} = ANY (${ids}::text[]) ORDER BY ${SALE.id} FOR SHARE`.execute(),
  ]);
  return sales;
}

export interface LockedSale {
  readonly id: string;
  readonly total: number;
  readonly epoch: number;
  readonly state: SaleIntent;
  readonly loadState: LoadState;
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/**
 * Locks one sale for a change, until the transaction ends: batches that hold it (shareSales) finish first, later ones
 * wait. null: no such sale.
 */
export async function lockSale(sql: Executor, couponId: string): Promise<LockedSale | null> {
  await sql`SELECT pg_advisory_xact_lock(${SALE_LOCK}, hashtext(${couponId}))`;
  const [sale] = await sql<LockedSale[]>`
    SELECT ${SALE.id}, ${SALE.total}, ${SALE.epoch}, ${SALE.state}, ${SALE.loadState} AS "loadState",
      ${SALE.startsAt} AS "startsAt", ${SALE.endsAt} AS "endsAt" FROM ${SALE.table}
      WHERE ${SALE.id} = ${couponId} FOR UPDATE`;
  return sale ?? null;
}
