import { intArray, textArray } from "../db/array-literal.ts";
import type { Executor } from "../db/client.ts";
import type { StoredAlias, StoredCoupon, StoredSale } from "./facts.ts";

/** The sales to look at, oldest first; all of them without an id. */
export async function listSales(sql: Executor, couponId: string | null): Promise<StoredSale[]> {
  return sql<StoredSale[]>`SELECT id AS "couponId", total, epoch, state, load_state AS "loadState",
      round(extract(epoch FROM ends_at) * 1000)::double precision AS "endsAtMs"
    FROM coupons WHERE ${couponId}::text IS NULL OR id = ${couponId} ORDER BY created_at, id`;
}

/**
 * Ids of sales that have coupons but no row in `coupons`. The index is walked from one sale to the next: reading all rows for
 * their few sales would take seconds.
 */
export async function findLostSales(sql: Executor): Promise<string[]> {
  const rows = await sql<{ couponId: string }[]>`
    WITH RECURSIVE held AS (
      SELECT min(coupon_id) AS id FROM user_coupons WHERE status <> 'REVOKED'
      UNION ALL SELECT (SELECT min(coupon_id) FROM user_coupons WHERE status <> 'REVOKED' AND coupon_id > held.id)
        FROM held WHERE held.id IS NOT NULL)
    SELECT id AS "couponId" FROM held WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM coupons c WHERE c.id = held.id)`;
  return rows.map(({ couponId }) => couponId);
}

export interface Wanted {
  readonly users: ReadonlySet<string>;
  readonly requests: ReadonlySet<string>;
  readonly slots: ReadonlySet<number>;
}

/**
 * Rows of one sale: active ones of these users or slots, and any of these requests or the originals of their aliases.
 * Two selects, each with its own index; one with OR would read the whole table.
 */
export async function findRows(sql: Executor, couponId: string, wanted: Wanted): Promise<StoredCoupon[]> {
  const requests = textArray([...wanted.requests]);
  return sql<
    StoredCoupon[]
  >`SELECT user_id AS "userId", slot, request_id AS "requestId", status FROM user_coupons WHERE id IN (
      SELECT id FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED'
        AND (user_id = ANY(${textArray([...wanted.users])}::text[]) OR slot = ANY(${intArray([...wanted.slots])}::integer[]))
      UNION SELECT id FROM user_coupons WHERE coupon_id = ${couponId} AND (request_id = ANY(${requests}::text[])
        OR request_id IN (SELECT original_request_id FROM request_aliases WHERE request_id = ANY(${requests}::text[]))))`;
}

/**
 * Requests whose revocation is committed while Redis holds them yet. Those released some seconds ago count too: the winners
 * were read before this.
 */
export async function findRevoking(sql: Executor, couponId: string): Promise<ReadonlySet<string>> {
  const rows = await sql<{ requestId: string }[]>`
    WITH revoking AS (SELECT request_id FROM revocations WHERE coupon_id = ${couponId} AND ${isRevoking(sql)})
    SELECT request_id AS "requestId" FROM revoking
    UNION ALL SELECT a.request_id FROM request_aliases a JOIN revoking r ON r.request_id = a.original_request_id`;
  return new Set(rows.map(({ requestId }) => requestId));
}

/** The condition on `revocations` that says so. */
export const isRevoking = (sql: Executor) => sql`(released_at IS NULL OR released_at > now() - interval '5 seconds')`;

/** Aliases among these requests. */
export async function findAliases(sql: Executor, requests: ReadonlySet<string>): Promise<StoredAlias[]> {
  return sql<StoredAlias[]>`SELECT request_id AS "requestId", original_request_id AS "originalRequestId"
    FROM request_aliases WHERE request_id = ANY(${textArray([...requests])}::text[])`;
}
