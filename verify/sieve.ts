import type { TransactionSql } from "postgres";
import type { Examined, SaleCounts } from "./facts.ts";
import { isRevoking } from "./rows-reader.ts";

/** A user, request or slot that may violate a check; the second look reads it again. */
export interface Suspect {
  readonly userId: string | null;
  readonly requestId: string | null;
  readonly slot: number | null;
}

/** Suspects per question; beyond this many the answer is "at least". */
export const MAX_SUSPECTS = 5000;

/**
 * Finds all that might violate a check, among millions of rows, by set operations over the staged Redis data and the tables.
 * It may suspect too much (the judge reads each suspect again), never too little. Run it in one REPEATABLE READ
 * transaction, after everything was staged. `next` was read before winners and freed slots (every slot up to it must be
 * somewhere), `nextAfter` behind them (none may lie beyond it).
 */
export async function sift(tx: TransactionSql, couponId: string, next: number, nextAfter: number): Promise<Suspect[]> {
  const suspects: Suspect[] = [];
  for (const question of [
    ...ofRows(tx, couponId),
    ...ofWinners(tx, couponId),
    ...ofSlots(tx, couponId, next, nextAfter),
  ]) {
    for (const { userId, requestId, slot } of await question) {
      suspects.push({ userId: userId ?? null, requestId: requestId ?? null, slot: slot ?? null });
    }
  }
  return suspects;
}

/** Rows alone. The group-bys read indexes; they find something only when a constraint is gone. */
function* ofRows(tx: TransactionSql, couponId: string) {
  yield tx`SELECT user_id AS "userId" FROM user_coupons
    WHERE coupon_id = ${couponId} AND status <> 'REVOKED' GROUP BY user_id HAVING count(*) > 1 LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT slot FROM user_coupons
    WHERE coupon_id = ${couponId} AND status <> 'REVOKED' GROUP BY slot HAVING count(*) > 1 LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT request_id AS "requestId" FROM user_coupons WHERE ${ofSale(tx, couponId)}
    GROUP BY request_id HAVING count(*) > 1 LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT user_id AS "userId", request_id AS "requestId", u.slot FROM user_coupons u
    JOIN coupons c ON c.id = u.coupon_id
    WHERE u.coupon_id = ${couponId} AND status <> 'REVOKED' AND (u.slot IS NULL OR u.slot < 1 OR u.slot > c.total)
    LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT a.request_id AS "requestId" FROM request_aliases a
    LEFT JOIN user_coupons o ON o.request_id = a.original_request_id
    LEFT JOIN user_coupons r ON r.request_id = a.request_id
    WHERE a.coupon_id = ${couponId} AND (o.id IS NULL OR r.id IS NOT NULL) LIMIT ${MAX_SUSPECTS}`;
}

/** Winners and statuses against rows. Rows that the winners do not know are another file's (`unknownRows`). */
function* ofWinners(tx: TransactionSql, couponId: string) {
  yield tx`SELECT w.user_id AS "userId", w.request_id AS "requestId", w.slot FROM stage_winners w
    LEFT JOIN user_coupons u ON u.coupon_id = ${couponId} AND u.user_id = w.user_id AND u.status <> 'REVOKED'
      AND u.slot = w.slot AND u.request_id = w.request_id
    LEFT JOIN stage_ledger l ON l.request_id = w.request_id
    WHERE u.id IS NULL AND l.request_id IS NULL LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT s.request_id AS "requestId" FROM stage_statuses s
    LEFT JOIN user_coupons u ON u.coupon_id = ${couponId} AND u.request_id = s.request_id AND u.status <> 'REVOKED'
    WHERE s.issued = (u.id IS NULL)
      AND NOT (s.issued AND EXISTS (SELECT FROM request_aliases a JOIN user_coupons o
        ON o.request_id = a.original_request_id AND o.status <> 'REVOKED' WHERE a.request_id = s.request_id))
    LIMIT ${MAX_SUSPECTS}`;
}

/** Slots: out of range, twice, freed and held, handed out and forgotten. */
function* ofSlots(tx: TransactionSql, couponId: string, next: number, nextAfter: number) {
  yield tx`SELECT user_id AS "userId", request_id AS "requestId", slot FROM stage_winners
    WHERE slot IS NULL OR slot < 1 OR slot > ${nextAfter} LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT user_id AS "userId", request_id AS "requestId", slot FROM stage_winners WHERE slot IN
    (SELECT slot FROM stage_winners GROUP BY slot HAVING count(*) > 1) LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT slot FROM stage_freed
    GROUP BY slot HAVING count(*) > 1 OR slot < 1 OR slot > ${nextAfter} LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT w.user_id AS "userId", w.request_id AS "requestId", slot FROM stage_freed JOIN stage_winners w
    USING (slot) LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT u.user_id AS "userId", u.request_id AS "requestId", u.slot FROM stage_freed f JOIN user_coupons u
    ON u.coupon_id = ${couponId} AND u.slot = f.slot AND u.status <> 'REVOKED' LIMIT ${MAX_SUSPECTS}`;
  yield tx`SELECT slot FROM generate_series(1, ${next}::integer) slot
    EXCEPT (SELECT slot FROM stage_winners UNION ALL SELECT slot FROM stage_ledger UNION ALL SELECT slot FROM stage_freed
      UNION ALL SELECT slot FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED')
    LIMIT ${MAX_SUSPECTS}`;
}

/** Rows of users whom the staged winners do not hold: a cursor, because in a rush they are new winners, many of them. */
export function unknownRows(tx: TransactionSql, couponId: string) {
  return tx`SELECT u.user_id AS "userId", u.request_id AS "requestId", u.slot FROM user_coupons u
    LEFT JOIN stage_winners w ON w.user_id = u.user_id
    WHERE u.coupon_id = ${couponId} AND u.status <> 'REVOKED' AND w.user_id IS NULL`.cursor(1000);
}

/** Whole-sale numbers; the ledger must be staged. */
export async function countSale(
  tx: TransactionSql,
  couponId: string,
): Promise<SaleCounts & Omit<Examined, "statuses">> {
  const [row] = await tx`SELECT
    (SELECT count(*) FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED')::integer AS active,
    (SELECT count(*) FROM user_coupons WHERE ${ofSale(tx, couponId)} AND status = 'REVOKED')::integer AS tombstones,
    (SELECT count(*) FROM request_aliases WHERE ${ofSale(tx, couponId)})::integer AS aliases,
    (SELECT count(*) FROM stage_ledger l WHERE NOT EXISTS
      (SELECT FROM user_coupons u WHERE ${ofSale(tx, couponId)} AND u.request_id = l.request_id))::integer
      + (SELECT count(*) FROM revocations WHERE coupon_id = ${couponId} AND ${isRevoking(tx)})::integer AS pending`;
  const { active, tombstones, aliases, pending } = row as Record<string, number>;
  return { active: active!, pending: pending!, rows: active!, tombstones: tombstones!, aliases: aliases! };
}

/**
 * Requests of a sale, revoked ones too, by the index on request ids: a request id begins with its sale's id. (By
 * coupon_id only active rows are indexed; without this every small sale would read the whole table.)
 */
const ofSale = (tx: TransactionSql, couponId: string) =>
  tx`request_id >= ${`${couponId}-`} AND request_id < ${`${couponId}.`}`;
