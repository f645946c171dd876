import { isFarAhead } from "../../contracts/claims/claim-numbers.ts";
import { textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { ALIAS, CLAIM, SALE } from "../names.ts";
import type { LoadState } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";
import { CLOCK_SKEW_S, lockSale } from "./lock.ts";

/**
 * Step 1 of a recovery: a new epoch, higher than PostgreSQL's and than the one Redis still shows (a database that was
 * restored from a backup may be behind; one that is a million ahead is garbage), and RECOVERING. Under the sale's lock, with an audit line that says why.
 * @param opensInMs how long the rest will take at least
 * @returns the new epoch; null when the sale changed since the caller looked (`seen`): another loader loads it or has loaded it,
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
    if (sale === null || sale.epoch !== seen.epoch || sale.loadState !== seen.loadState) return null;
    const epoch = Math.max(sale.epoch, isFarAhead(redisEpoch, sale.epoch) ? 0 : redisEpoch) + 1;
    await tx`
      UPDATE ${SALE.table} SET ${SALE.epoch} = ${epoch}, ${SALE.loadState} = 'RECOVERING', ${SALE.updatedAt} = now(),
             ${SALE.recoveringUntil} = clock_timestamp() + make_interval(secs => ${opensInMs / 1_000})
      WHERE ${SALE.id} = ${couponId}`;
    const detail = { why, epoch, before: sale.loadState };
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
      UPDATE ${SALE.table} SET ${SALE.recoveringUntil} = clock_timestamp() + make_interval(secs => ${inMs / 1_000})
      WHERE ${SALE.id} = ${couponId} AND ${SALE.epoch} = ${epoch} AND ${SALE.loadState} = 'RECOVERING'`;
  });
}

/**
 * Marks a sale for a rebuild, because its claims contradict each other: the epoch rises, so whatever Redis hands out in
 * the old one will be decided again. Only one of many callers with the same proof succeeds; false for the others.
 */
export function raiseFence(sql: Sql, couponId: string, epoch: number, why: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    const rows = await tx`
      UPDATE ${SALE.table} SET ${SALE.loadState} = 'RECOVERING', ${SALE.epoch} = ${SALE.epoch} + 1, ${SALE.updatedAt} = now()
      WHERE ${SALE.id} = ${couponId} AND ${SALE.epoch} = ${epoch} AND ${SALE.loadState} = 'LOADED' RETURNING 1`;
    if (rows.length === 0) return false;
    const entry = { actor: "role:coupon-persist", action: "sale.fenced", target: couponId, detail: { epoch, why } };
    await insertAudit(tx, entry);
    return true;
  });
}

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
    SELECT c.${SALE.id} FROM ${SALE.table} c
    WHERE c.${SALE.id} = ANY (${textArray(couponIds)}::text[])
      AND now() + make_interval(secs => ${CLOCK_SKEW_S}) < c.${SALE.startsAt}
      AND (SELECT 1 FROM ${CLAIM.table} u WHERE u.${CLAIM.couponId} = c.${SALE.id} AND u.${CLAIM.status} <> 'REVOKED'
           ORDER BY u.${CLAIM.couponId}, u.${CLAIM.slot} LIMIT 1) IS NULL
      AND (SELECT 1 FROM ${CLAIM.table} u
           WHERE u.${CLAIM.requestId} >= c.${SALE.id} || '-' AND u.${CLAIM.requestId} < c.${SALE.id} || '.'
           ORDER BY u.${CLAIM.requestId} LIMIT 1) IS NULL
      AND (SELECT 1 FROM ${ALIAS.table} a
           WHERE a.${ALIAS.requestId} >= c.${SALE.id} || '-' AND a.${ALIAS.requestId} < c.${SALE.id} || '.'
           ORDER BY a.${ALIAS.requestId} LIMIT 1) IS NULL`;
  return new Set(rows.map(({ id }) => id));
}
