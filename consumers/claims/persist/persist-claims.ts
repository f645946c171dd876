import { StampedeError } from "../../../contracts/wire/errors.ts";
import { insertAndJudge } from "../../../db/claims/persist.ts";
import type { Sql } from "../../../db/client.ts";
import { sqlState } from "../../../db/errors.ts";
import { judgeConflict } from "./judge-conflict.ts";
import type { ClaimOutcome, GrantedClaim } from "./outcome.ts";

/** A conflicting row may vanish between INSERT and look-up (it was given up just then); more often than this it is a bug. */
const TRIES = 5;
const ROLLED_BACK = new Set(["40P01", "40001"]);

/**
 * Writes claims into PostgreSQL, each at most once, and says what became of each (in the order given). One transaction,
 * nothing outside PostgreSQL is touched. Called by the log's consumer, by the ledger's reader and by the recovery, at
 * the same time if it happens so: UNIQUE(request_id) makes them one.
 * @throws the driver's error (nothing was written); StampedeError CONFLICT for a claim that no rule explains
 */
export async function persistClaims(sql: Sql, claims: readonly GrantedClaim[]): Promise<ClaimOutcome[]> {
  const distinct = newestByRequest(claims);
  let outcomes = new Map<string, ClaimOutcome>();
  for (let attempt = 1; outcomes.size < distinct.length; attempt++) {
    if (attempt > TRIES) {
      const unexplained = distinct.find((claim) => !outcomes.has(claim.requestId));
      throw new StampedeError("CONFLICT", `claim ${unexplained?.requestId} is refused and nothing stands in its way`);
    }
    try {
      outcomes = await insertAndJudge(sql, distinct, judgeConflict);
    } catch (error) {
      // Batches whose users or slots cross each other can still deadlock; one of them was rolled back for the other.
      if (!ROLLED_BACK.has(sqlState(error) ?? "") || attempt === TRIES) throw error;
    }
  }
  return claims.map((claim) => outcomes.get(claim.requestId)!);
}

/** Distinct by request id, in the order given; of two deliveries the later decision counts. */
export function newestByRequest(claims: readonly GrantedClaim[]): GrantedClaim[] {
  const byRequest = new Map<string, GrantedClaim>();
  for (const claim of claims) {
    const known = byRequest.get(claim.requestId);
    if (known === undefined || known.epoch < claim.epoch) byRequest.set(claim.requestId, claim);
  }
  return [...byRequest.values()];
}
