import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { ClaimRow } from "./insert.ts";

/** What PostgreSQL holds about one claim; null where there is no such row. */
export interface StandingClaim {
  readonly request_id: string;
  /** The claim's own row. */
  readonly own_status: "ACTIVE" | "USED" | "REVOKED" | null;
  readonly own_slot: number | null;
  readonly own_reason: string | null;
  readonly own_issued_at: Date | null;
  /** The claim is known as a second request of its user. */
  readonly alias_of: string | null;
  /** The row by which the user holds the coupon. */
  readonly held_request: string | null;
  readonly held_slot: number | null;
  readonly held_issued_at: Date | null;
  /** Who holds the claim's slot. */
  readonly slot_request: string | null;
}

/**
 * Looks up, for every claim that insertClaims left out, all rows that may be the reason. It must run as a statement of
 * its own after the INSERT: only a newer snapshot sees the row that a concurrent transaction committed and the INSERT
 * waited for. Four index look-ups a claim; the decision itself is made in consumers/claims/persist/judge-conflict.ts.
 */
export function findStanding(sql: Executor, claims: readonly ClaimRow[]): Promise<readonly StandingClaim[]> {
  return sql<StandingClaim[]>`
    SELECT c.request_id,
           own.status AS own_status, own.slot AS own_slot, own.reason AS own_reason, own.issued_at AS own_issued_at,
           alias.original_request_id AS alias_of,
           held.request_id AS held_request, held.slot AS held_slot, held.issued_at AS held_issued_at,
           taken.request_id AS slot_request
    FROM unnest(${textArray(claims.map((c) => c.couponId))}::text[],
                ${textArray(claims.map((c) => c.userId))}::text[],
                ${intArray(claims.map((c) => c.slot))}::bigint[],
                ${textArray(claims.map((c) => c.requestId))}::text[]) AS c (coupon_id, user_id, slot, request_id)
    LEFT JOIN user_coupons own
      ON own.request_id = c.request_id AND own.user_id = c.user_id AND own.coupon_id = c.coupon_id
    LEFT JOIN request_aliases alias ON alias.request_id = c.request_id AND alias.user_id = c.user_id
    LEFT JOIN user_coupons held
      ON held.user_id = c.user_id AND held.coupon_id = c.coupon_id AND held.status <> 'REVOKED'
    LEFT JOIN user_coupons taken
      ON taken.coupon_id = c.coupon_id AND taken.slot = c.slot AND taken.status <> 'REVOKED'`;
}

/** The request by which somebody holds this slot of the sale; null: nobody does. */
export async function slotHolder(sql: Executor, couponId: string, slot: number): Promise<string | null> {
  const [row] = await sql<{ request_id: string }[]>`
    SELECT request_id FROM user_coupons WHERE coupon_id = ${couponId} AND slot = ${slot} AND status <> 'REVOKED'`;
  return row?.request_id ?? null;
}
