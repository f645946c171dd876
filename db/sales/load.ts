import type { Executor, Sql } from "../client.ts";
import { CLAIM, SALE } from "../names.ts";
import type { LoadState } from "../schema.ts";
import { LIVE_SALE, type LiveSale } from "./live.ts";
import { type LockedSale, lockSale } from "./lock.ts";

/**
 * From RECOVERING (or NEW) to LOADING under the sale's exclusive lock: when it returns the sale, every batch that held it
 * has committed and no later one inserts a row of it, so the winners read from now on are final. Reading them after the
 * commit, not inside, keeps the lock short: batches carry many sales, and would all wait for this one's load.
 * @returns the terms to load, as they were under the lock; null when the sale is not in that state and epoch (any more)
 */
export function beginLoading(
  sql: Sql,
  couponId: string,
  epoch: number,
  from: "NEW" | "RECOVERING",
): Promise<LiveSale | null> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || !(await moveLoadState(tx, couponId, epoch, from, "LOADING"))) return null;
    // Had it left Redis (role retention), it is on its way back.
    await tx`
      UPDATE ${SALE.table} SET ${SALE.leftRedisAt} = NULL, ${SALE.issued} = NULL WHERE ${SALE.id} = ${couponId}
        AND ${SALE.leftRedisAt} IS NOT NULL`;
    const [terms] = await tx<LiveSale[]>`
      SELECT ${LIVE_SALE} FROM ${SALE.table}
      WHERE ${SALE.id} = ${couponId}`;
    return terms ?? null;
  });
}

export interface WinnerRow {
  readonly userId: string;
  readonly slot: number;
  readonly requestId: string;
}

/** Rows per fetch: at about 80 bytes each, a sale of ten million never holds more than this in memory. */
const FETCH = 5_000;

/**
 * All users who hold the coupon, in slot order, streamed. The caller has set the sale LOADING before: nothing is
 * inserted meanwhile, so the rows are the whole truth although no lock is held while they are read.
 */
export async function* snapshotWinners(sql: Executor, couponId: string): AsyncGenerator<WinnerRow[]> {
  yield* sql<WinnerRow[]>`
    SELECT ${CLAIM.userId} AS "userId", ${CLAIM.slot}, ${CLAIM.requestId} AS "requestId" FROM ${CLAIM.table}
    WHERE ${CLAIM.couponId} = ${couponId} AND ${CLAIM.status} <> 'REVOKED' ORDER BY ${CLAIM.slot}`.cursor(FETCH);
}

/**
 * The last step of a load: under the sale's lock `open` puts the sale into Redis with the state and the end that it has now, and
 * LOADING becomes LOADED. An operator who paused or closed the sale, or moved its end, while its winners were being read was
 * answered that it holds; so the sale opens like that. A change that comes afterwards finds it loaded.
 * @returns what `open` says; OVERTAKEN without a call when the sale is not LOADING in this epoch any more
 * @throws what `open` throws: the sale stays LOADING, and a new epoch begins
 */
export async function finishLoading<Code extends string>(
  sql: Sql,
  couponId: string,
  epoch: number,
  open: (sale: Pick<LockedSale, "state" | "endsAt">) => Promise<Code>,
): Promise<Code | "OVERTAKEN"> {
  let outcome: Code | "OVERTAKEN" = "OVERTAKEN";
  await sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || sale.epoch !== epoch || sale.loadState !== "LOADING") return;
    outcome = await open(sale);
    if (outcome === "LOADED") await moveLoadState(tx, couponId, epoch, "LOADING", "LOADED");
  });
  return outcome;
}

/**
 * One step of a load. Compare and set: it fails (false) when another loader or a raised fence took the sale over, and
 * then this loader's work on it is void.
 */
export async function moveLoadState(
  sql: Executor,
  couponId: string,
  epoch: number,
  from: LoadState,
  to: LoadState,
): Promise<boolean> {
  const rows = await sql`
    UPDATE ${SALE.table} SET ${SALE.loadState} = ${to}, ${SALE.updatedAt} = now(),
           ${SALE.recoveringUntil} = CASE WHEN ${to === "LOADED"} THEN NULL ELSE ${SALE.recoveringUntil} END
    WHERE ${SALE.id} = ${couponId} AND ${SALE.epoch} = ${epoch} AND ${SALE.loadState} = ${from} RETURNING 1`;
  return rows.length === 1;
}
