import type { Executor, Sql } from "../client.ts";
import { ALIAS, CLAIM, columnsOf, DEFERRED, REVOCATION } from "../names.ts";
import { lockSale } from "../sales/lock.ts";
import { type LoadState, userCoupons } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";
import { findAliases } from "./find.ts";
import { insertAliases, insertTombstones } from "./insert.ts";

export interface RevokeRequest {
  readonly couponId: string;
  readonly requestId: string;
  readonly actor: string;
  readonly why: string;
}

/** A claim that is on its way to PostgreSQL; without a slot while a queued sale has not decided it. */
export interface UnpersistedClaim {
  readonly userId: string;
  readonly slot: number | null;
}

/** UNKNOWN: PostgreSQL has no such request (yet). `requestId` is the original's where an alias was given. */
export type RevokeOutcome =
  | { readonly code: "REVOKED"; readonly requestId: string; readonly userId: string }
  | { readonly code: "USED"; readonly orderId: string | null }
  | { readonly code: "UNKNOWN"; readonly loadState: LoadState }
  | { readonly code: "COUPON_NOT_FOUND" };

const CLAIM_ROW = columnsOf(userCoupons, ["requestId", "userId", "slot", "status", "orderId"]);

interface ClaimRow {
  readonly requestId: string;
  readonly userId: string;
  readonly slot: number | null;
  readonly status: "ACTIVE" | "USED" | "REVOKED";
  readonly orderId: string | null;
}

/**
 * Takes a claim back: its tombstone (the row itself, or a new one for an `unpersisted` claim), a tombstone for each of its
 * other names (or a redelivery would find nothing in its way and persist it again), the revocation that role claim-relay
 * carries out, and the audit line; all or nothing. Revoking it again changes nothing; a claim that was given up before
 * gets a revocation too, because that releases what Redis still holds of it.
 * Under the sale's lock: a batch that is writing an alias of this claim has committed, or sees it revoked.
 */
export function revokeClaim(
  sql: Sql,
  wish: RevokeRequest,
  unpersisted: UnpersistedClaim | null,
): Promise<RevokeOutcome> {
  const { couponId, actor, why } = wish;
  return sql.begin(async (tx): Promise<RevokeOutcome> => {
    const sale = await lockSale(tx, couponId);
    if (sale === null) return { code: "COUPON_NOT_FOUND" };
    const onItsWay = unpersisted ?? (await findDeferred(tx, wish));
    const row = (await findRow(tx, wish)) ?? (onItsWay && (await bury(tx, wish, onItsWay, sale.epoch)));
    if (!row) return { code: "UNKNOWN", loadState: sale.loadState };
    const { requestId, userId, slot } = row;
    if (row.status === "USED") return { code: "USED", orderId: row.orderId };
    const noted = await tx`
      INSERT INTO ${REVOCATION.table} (${REVOCATION.requestId}, ${REVOCATION.couponId}, ${REVOCATION.userId},
        ${REVOCATION.slot}, ${REVOCATION.actor}, ${REVOCATION.why})
      VALUES (${requestId}, ${couponId}, ${userId}, ${slot}, ${actor}, ${why}) ON CONFLICT DO NOTHING RETURNING 1`;
    if (noted.length === 0) return { code: "REVOKED", requestId, userId };
    await tx`
      UPDATE ${CLAIM.table} SET ${CLAIM.status} = 'REVOKED', ${CLAIM.slot} = NULL, ${CLAIM.reason} = 'REVOKED',
        ${CLAIM.updatedAt} = now()
      WHERE ${CLAIM.requestId} = ${requestId} AND ${CLAIM.status} = 'ACTIVE'`;
    const names = await findAliases(tx, couponId, [requestId]);
    const grave = { couponId, userId, epoch: sale.epoch, reason: "REVOKED" };
    const tombstones = names.map(({ requestId }) => ({ ...grave, requestId: requestId }));
    if (tombstones.length > 0) await insertTombstones(tx, tombstones);
    await insertAudit(tx, {
      actor,
      action: "claim.revoked",
      target: couponId,
      detail: { requestId, userId, slot, why },
    });
    return { code: "REVOKED", requestId, userId };
  });
}

/** The request's row, or that of the request it is another name of. Locked: an order may just be using the coupon. */
async function findRow(tx: Executor, { couponId, requestId }: RevokeRequest): Promise<ClaimRow | null> {
  const [row] = await tx<ClaimRow[]>`
    SELECT ${CLAIM_ROW} FROM ${CLAIM.table}
    WHERE ${CLAIM.couponId} = ${couponId} AND ${CLAIM.requestId} = coalesce(
      (SELECT ${ALIAS.originalRequestId} FROM ${ALIAS.table} WHERE ${ALIAS.requestId} = ${requestId}), ${requestId}) FOR UPDATE`;
  return row ?? null;
}

/** A claim that waits in PostgreSQL until its sale can decide it; it has no slot that counts. */
async function findDeferred(tx: Executor, { couponId, requestId }: RevokeRequest): Promise<UnpersistedClaim | null> {
  const [row] = await tx<{ userId: string }[]>`
    SELECT ${DEFERRED.userId} AS "userId" FROM ${DEFERRED.table} WHERE ${DEFERRED.requestId} = ${requestId}
      AND ${DEFERRED.couponId} = ${couponId}`;
  return row === undefined ? null : { userId: row.userId, slot: null };
}

/**
 * The tombstone of a claim that is on its way. If its user holds the coupon by an earlier claim, the two are one win under
 * two names, and that win is what is taken back.
 */
async function bury(
  tx: Executor,
  { couponId, requestId }: RevokeRequest,
  claim: UnpersistedClaim,
  epoch: number,
): Promise<ClaimRow | null> {
  const { userId, slot } = claim;
  const [held] = await tx<ClaimRow[]>`
    SELECT ${CLAIM_ROW} FROM ${CLAIM.table}
    WHERE ${CLAIM.userId} = ${userId} AND ${CLAIM.couponId} = ${couponId} AND ${CLAIM.status} <> 'REVOKED' FOR UPDATE`;
  if (held !== undefined) {
    await insertAliases(tx, [{ requestId, couponId, userId, originalRequestId: held.requestId }]);
    return held;
  }
  const standing = await insertTombstones(tx, [{ couponId, userId, requestId, epoch, reason: "REVOKED" }]);
  if (!standing.has(requestId)) return null;
  return { requestId: requestId, userId: userId, slot, status: "REVOKED", orderId: null };
}
