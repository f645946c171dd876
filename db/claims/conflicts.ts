import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { ALIAS, CLAIM } from "../names.ts";
import type { ClaimRow } from "./insert.ts";

/** What PostgreSQL holds about one claim; null where there is no such row. */
export interface StandingClaim {
  readonly requestId: string;
  /** The claim's own row. */
  readonly ownStatus: "ACTIVE" | "USED" | "REVOKED" | null;
  readonly ownSlot: number | null;
  readonly ownReason: string | null;
  readonly ownIssuedAt: Date | null;
  /** The claim is known as a second request of its user. */
  readonly aliasOf: string | null;
  /** The row by which the user holds the coupon. */
  readonly heldRequest: string | null;
  readonly heldSlot: number | null;
  readonly heldIssuedAt: Date | null;
  /** Who holds the claim's slot. */
  readonly slotRequest: string | null;
}

/**
 * Looks up, for every claim that insertClaims left out, all rows that may be the reason. It must run as a separate
 * statement after the INSERT: only a newer snapshot sees the row that a concurrent transaction committed and the INSERT
 * waited for. Four index look-ups a claim; the decision itself is made in consumers/claims/persist/judge-conflict.ts.
 */
export function findStanding(sql: Executor, claims: readonly ClaimRow[]): Promise<readonly StandingClaim[]> {
  return sql<StandingClaim[]>`
    SELECT c.request_id AS "requestId",
           own.${CLAIM.status} AS "ownStatus", own.${CLAIM.slot} AS "ownSlot", own.${CLAIM.reason} AS "ownReason",
           own.${CLAIM.issuedAt} AS "ownIssuedAt",
           alias.${ALIAS.originalRequestId} AS "aliasOf",
           held.${CLAIM.requestId} AS "heldRequest", held.${CLAIM.slot} AS "heldSlot", held.${CLAIM.issuedAt} AS "heldIssuedAt",
           taken.${CLAIM.requestId} AS "slotRequest"
    FROM unnest(${textArray(claims.map((c) => c.couponId))}::text[],
                ${textArray(claims.map((c) => c.userId))}::text[],
                ${intArray(claims.map((c) => c.slot))}::bigint[],
                ${textArray(claims.map((c) => c.requestId))}::text[]) AS c (coupon_id, user_id, slot, request_id)
    LEFT JOIN ${CLAIM.table} own
      ON own.${CLAIM.requestId} = c.request_id AND own.${CLAIM.userId} = c.user_id AND own.${CLAIM.couponId} = c.coupon_id
    LEFT JOIN ${ALIAS.table} alias ON alias.${ALIAS.requestId} = c.request_id AND alias.${ALIAS.userId} = c.user_id
    LEFT JOIN ${CLAIM.table} held
      ON held.${CLAIM.userId} = c.user_id AND held.${CLAIM.couponId} = c.coupon_id AND held.${CLAIM.status} <> 'REVOKED'
    LEFT JOIN ${CLAIM.table} taken
      ON taken.${CLAIM.couponId} = c.coupon_id AND taken.${CLAIM.slot} = c.slot AND taken.${CLAIM.status} <> 'REVOKED'`;
}

/** The request that holds this slot of the sale; null: the slot is free. */
export async function slotHolder(sql: Executor, couponId: string, slot: number): Promise<string | null> {
  const [row] = await sql<{ requestId: string }[]>`
    SELECT ${CLAIM.requestId} AS "requestId" FROM ${CLAIM.table} WHERE ${CLAIM.couponId} = ${couponId}
      AND ${CLAIM.slot} = ${slot} AND ${CLAIM.status} <> 'REVOKED'`;
  return row?.requestId ?? null;
}
