import { groupOf } from "../../../contracts/groups.ts";
import { StampedeError } from "../../../contracts/wire/errors.ts";
import { deferClaims } from "../../../db/claims/deferred.ts";
import type { IncomingRecord } from "../../../kafka/kafka.ts";
import { readBatch } from "../../engine/read-batch.ts";
import type { Rejected, Role } from "../../engine/role.ts";
import { DRAIN_MARKER } from "../../sales/drain-log.ts";
import type { GrantedClaim } from "./outcome.ts";
import { parseClaim } from "./parse-claim.ts";
import { type Settling, settleClaims } from "./settle-claims.ts";

/**
 * Claims from the log into PostgreSQL. Their order means nothing (the slot is decided), so batches run side by side.
 * Claims that cannot be decided now (their sale is paused or being rebuilt) are kept in PostgreSQL for role claim-relay: here they
 * would hold up the others behind them, and the recovery of their sale, which waits until the group has read past the
 * claims of the old epoch.
 */
export function couponPersist(settling: Settling): Role {
  return {
    name: "coupon-persist",
    ...groupOf("coupon-persist"),
    patience: "wait",
    maxBatch: 1_000,
    // Small batches cost three times the CPU per row, and the users have their 202 already.
    lingerMs: 5,
    concurrency: 3,
    async handle(records) {
      const { messages: claims, sources, rejected } = readBatch(records, claimOf);
      const { deferred, unknown } = await settleClaims(settling, claims);
      if (unknown.length > 0) rejected.push(...ofUnknownSales(unknown, claims, sources));
      if (deferred.length > 0) await deferClaims(settling.sql, deferred);
      return rejected;
    },
  };
}

/** null: a marker of a recovery, which has done its work by being read. */
const claimOf = (record: IncomingRecord): GrantedClaim | null =>
  record.value === null && record.headers[DRAIN_MARKER] !== undefined ? null : parseClaim(record).data;

/** The records of claims whose sale PostgreSQL does not have. */
function ofUnknownSales(
  unknown: readonly GrantedClaim[],
  claims: readonly GrantedClaim[],
  sources: readonly IncomingRecord[],
): Rejected[] {
  const recordOf = new Map(claims.map(({ requestId }, i) => [requestId, sources[i]!]));
  return unknown.map(({ requestId, couponId }) => {
    const error = new StampedeError("COUPON_NOT_FOUND", `PostgreSQL has no sale ${couponId}`);
    return { record: recordOf.get(requestId)!, error };
  });
}
