import { isFarAhead } from "../../contracts/claims/claim-numbers.ts";
import { textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import type { LoadState } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";
import { lockSale } from "./lock.ts";

/**
 * Step 1 of a recovery: a new epoch, higher than PostgreSQL's and than the one Redis still shows (a database that was
 * restored from a backup may be behind; one that is a million ahead is garbage), and RECOVERING. Under the sale's lock, with an audit line that says why.
 * @param opensInMs how long the rest will take at least
 * @returns the new epoch; null when the sale changed since the caller looked (`seen`): somebody loads it or has loaded it,
 * and rebuilding a sale that has just opened would close it again
 */
export function beginRecovery(
  sql: Sql,
  couponId: string,
  seen: { readonly epoch: number; readonly loadState: LoadState },
  redisEpoch: number,
  why: string,
  opensInMs: number,
): Promise<number | null> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || sale.epoch !== seen.epoch || sale.load_state !== seen.loadState) return null;
    const epoch = Math.max(sale.epoch, isFarAhead(redisEpoch, sale.epoch) ? 0 : redisEpoch) + 1;
    await tx`
      UPDATE coupons SET epoch = ${epoch}, load_state = 'RECOVERING', updated_at = now(),
             recovering_until = clock_timestamp() + make_interval(secs => ${opensInMs / 1_000})
      WHERE id = ${couponId}`;
    const detail = { why, epoch, before: sale.load_state };
    await insertAudit(tx, { actor: "role:sale-loader", action: "sale.recovering", target: couponId, detail });
    return epoch;
  });
}

/**
 * Says anew when a sale that is being rebuilt will open, `inMs` from now: gateways tell it to their clients. Under the
 * sale's lock only because that one queues fairly: a bare UPDATE waits for as long as batches that drain the log overlap.
 */
export async function expectReopening(sql: Sql, couponId: string, epoch: number, inMs: number): Promise<void> {
  await sql.begin(async (tx) => {
    if ((await lockSale(tx, couponId)) === null) return;
    await tx`
      UPDATE coupons SET recovering_until = clock_timestamp() + make_interval(secs => ${inMs / 1_000})
      WHERE id = ${couponId} AND epoch = ${epoch} AND load_state = 'RECOVERING'`;
  });
}

/**
 * Marks a sale for a rebuild, because its claims contradict each other: the epoch rises, so whatever Redis hands out in
 * the old one will be decided again. Only one of many callers with the same proof succeeds; false for the others.
 */
export async function raiseFence(sql: Executor, couponId: string, epoch: number): Promise<boolean> {
  const rows = await sql`
    UPDATE coupons SET load_state = 'RECOVERING', epoch = epoch + 1, updated_at = now()
    WHERE id = ${couponId} AND epoch = ${epoch} AND load_state = 'LOADED' RETURNING 1`;
  return rows.length === 1;
}

/** How far the clocks of PostgreSQL's machine and of any Redis that ever held the sale may be apart. */
const CLOCK_SKEW_S = 60;

/**
 * Those of the sales of which no claim can exist anywhere: they have no row of any kind, and they start so late that no
 * Redis, even with a clock a minute ahead, can have opened them. Only then a recovery need not wait for the log.
 *
 * Rows are looked for where there is an index: coupons that users hold by sale, everything else (what was given up, other
 * names of a claim) by request id, because a sale's request ids begin with the sale's id. Subqueries with LIMIT instead of
 * NOT EXISTS, which may become a hash over the whole table; with ORDER BY, because without it a planner that knows one large
 * sale expects to find a row of any sale soon and reads the whole table when there is none.
 */
export async function neverClaimed(sql: Executor, couponIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    SELECT c.id FROM coupons c
    WHERE c.id = ANY (${textArray(couponIds)}::text[])
      AND now() + make_interval(secs => ${CLOCK_SKEW_S}) < c.starts_at
      AND (SELECT 1 FROM user_coupons u WHERE u.coupon_id = c.id AND u.status <> 'REVOKED'
           ORDER BY u.coupon_id, u.slot LIMIT 1) IS NULL
      AND (SELECT 1 FROM user_coupons u
           WHERE u.request_id >= c.id || '-' AND u.request_id < c.id || '.'
           ORDER BY u.request_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM request_aliases a
           WHERE a.request_id >= c.id || '-' AND a.request_id < c.id || '.'
           ORDER BY a.request_id LIMIT 1) IS NULL`;
  return new Set(rows.map(({ id }) => id));
}
