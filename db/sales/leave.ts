import type { Executor, Sql } from "../client.ts";
import { CLAIM, DEFERRED, REVOCATION, SALE } from "../names.ts";

/** A sale that ended long ago, under its row lock. */
export interface LeavingSale {
  readonly couponId: string;
  readonly epoch: number;
  readonly mode: "DIRECT" | "QUEUED";
  /** Rows that are not revoked. */
  readonly winners: number;
  /** `keepHours` ago, by PostgreSQL's clock, milliseconds since 1970. */
  readonly endedBefore: number;
}

/** Where a walk over the ended sales is. */
export interface EndedPlace {
  readonly endsAt: Date;
  readonly couponId: string;
}

export interface EndedSaleRow extends EndedPlace {
  readonly mode: "DIRECT" | "QUEUED";
  readonly epoch: number;
}

/**
 * Sales that may leave Redis: over for `keepHours` (as in live.ts), loaded or never needed, nothing to be
 * revoked or decided again. A paused queued sale stays: its requests wait in the log, and they are decided when it is opened again.
 */
const mayLeave = (sql: Executor, keepHours: number) => sql`
  c.${SALE.leftRedisAt} IS NULL AND c.${SALE.endsAt} <= now() - make_interval(hours => ${keepHours})
  AND c.${SALE.loadState} IN ('NEW', 'LOADED') AND NOT (c.${SALE.issueMode} = 'QUEUED' AND c.${SALE.state} = 'PAUSED')
  AND NOT EXISTS (SELECT FROM ${DEFERRED.table} d WHERE d.${DEFERRED.couponId} = c.${SALE.id})
  AND NOT EXISTS (SELECT FROM ${REVOCATION.table} r WHERE r.${REVOCATION.couponId} = c.${SALE.id}
    AND r.${REVOCATION.doneAt} IS NULL)`;

/** The next sales after a place, those that ended first before the others. */
export function listEndedSales(
  sql: Executor,
  keepHours: number,
  after: EndedPlace | null,
  limit: number,
): Promise<readonly EndedSaleRow[]> {
  return sql<EndedSaleRow[]>`
    SELECT c.${SALE.id} AS "couponId", c.${SALE.endsAt} AS "endsAt", c.${SALE.issueMode} AS mode, c.${SALE.epoch}
      FROM ${SALE.table} c
    WHERE ${mayLeave(sql, keepHours)}
      ${after ? sql`AND (c.${SALE.endsAt}, c.${SALE.id}) > (${after.endsAt}, ${after.couponId})` : sql``}
    ORDER BY c.${SALE.endsAt}, c.${SALE.id} LIMIT ${limit}`;
}

/**
 * Locks a sale that may leave, lets `forget` take it out of Redis, and notes that it left and with how many coupons out.
 * Every change and every load of the sale takes the same lock.
 * @returns null: it may not leave any more, or another transaction holds its row
 * @throws what `forget` throws; then nothing is noted, and the next round does it again
 */
export async function leaveRedis<Outcome extends string>(
  sql: Sql,
  couponId: string,
  keepHours: number,
  forget: (sale: LeavingSale) => Promise<Outcome | "FORGOTTEN">,
): Promise<Outcome | "FORGOTTEN" | null> {
  const left = await sql.begin(async (tx) => {
    const [sale] = await tx<Pick<LeavingSale, "epoch" | "mode" | "endedBefore">[]>`
      SELECT c.${SALE.epoch}, c.${SALE.issueMode} AS mode, floor(extract(epoch
        FROM now() - make_interval(hours => ${keepHours})) * 1000)::float8 AS "endedBefore"
      FROM ${SALE.table} c WHERE c.${SALE.id} = ${couponId} AND ${mayLeave(tx, keepHours)} FOR UPDATE SKIP LOCKED`;
    if (sale === undefined) return null;
    const [rows] = await tx<{ winners: number }[]>`
      SELECT count(*)::integer AS winners FROM ${CLAIM.table} WHERE ${CLAIM.couponId} = ${couponId}
        AND ${CLAIM.status} <> 'REVOKED'`;
    const winners = rows!.winners;
    const outcome = await forget({ couponId, ...sale, winners });
    if (outcome === "FORGOTTEN") {
      await tx`UPDATE ${SALE.table} SET ${SALE.leftRedisAt} = now(), ${SALE.issued} = ${winners} WHERE ${SALE.id} = ${couponId}`;
    }
    return { outcome };
  });
  return left?.outcome ?? null;
}

/** The end of the first sale that Redis may still hold, of those that are over. */
export async function oldestEndedSale(sql: Executor): Promise<Date | null> {
  const [row] = await sql<{ oldest: Date | null }[]>`
    SELECT min(${SALE.endsAt}) AS oldest FROM ${SALE.table} WHERE ${SALE.leftRedisAt} IS NULL AND ${SALE.endsAt} <= now()`;
  return row?.oldest ?? null;
}
