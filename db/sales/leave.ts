import type { Executor, Sql } from "../client.ts";

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
  c.left_redis_at IS NULL AND c.ends_at <= now() - make_interval(hours => ${keepHours})
  AND c.load_state IN ('NEW', 'LOADED') AND NOT (c.issue_mode = 'QUEUED' AND c.state = 'PAUSED')
  AND NOT EXISTS (SELECT FROM deferred_claims d WHERE d.coupon_id = c.id)
  AND NOT EXISTS (SELECT FROM revocations r WHERE r.coupon_id = c.id AND r.done_at IS NULL)`;

/** The next sales after a place, those that ended first before the others. */
export function listEndedSales(
  sql: Executor,
  keepHours: number,
  after: EndedPlace | null,
  limit: number,
): Promise<readonly EndedSaleRow[]> {
  return sql<EndedSaleRow[]>`
    SELECT c.id AS "couponId", c.ends_at AS "endsAt", c.issue_mode AS mode, c.epoch FROM coupons c
    WHERE ${mayLeave(sql, keepHours)}
      ${after ? sql`AND (c.ends_at, c.id) > (${after.endsAt}, ${after.couponId})` : sql``}
    ORDER BY c.ends_at, c.id LIMIT ${limit}`;
}

/**
 * Locks a sale that may leave, lets `forget` take it out of Redis, and notes that it left and with how many coupons out.
 * Every change and every load of the sale takes the same lock.
 * @returns null: it may not leave any more, or somebody holds it
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
      SELECT c.epoch, c.issue_mode AS mode, floor(extract(epoch FROM now() - make_interval(hours => ${keepHours})) * 1000)::float8 AS "endedBefore"
      FROM coupons c WHERE c.id = ${couponId} AND ${mayLeave(tx, keepHours)} FOR UPDATE SKIP LOCKED`;
    if (sale === undefined) return null;
    const [rows] = await tx<{ winners: number }[]>`
      SELECT count(*)::integer AS winners FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
    const winners = rows!.winners;
    const outcome = await forget({ couponId, ...sale, winners });
    if (outcome === "FORGOTTEN") {
      await tx`UPDATE coupons SET left_redis_at = now(), issued = ${winners} WHERE id = ${couponId}`;
    }
    return { outcome };
  });
  return left?.outcome ?? null;
}

/** The end of the first sale that Redis may still hold, of those that are over. */
export async function oldestEndedSale(sql: Executor): Promise<Date | null> {
  const [row] = await sql<{ oldest: Date | null }[]>`
    SELECT min(ends_at) AS oldest FROM coupons WHERE left_redis_at IS NULL AND ends_at <= now()`;
  return row?.oldest ?? null;
}
