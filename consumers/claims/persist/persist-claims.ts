import { MAX_INTEGER } from "../../../contracts/claims/claim-numbers.ts";
import { StampedeError } from "../../../contracts/wire/errors.ts";
import { findStanding } from "../../../db/claims/conflicts.ts";
import { insertAliases, insertClaims } from "../../../db/claims/insert.ts";
import type { Sql } from "../../../db/client.ts";
import { sqlState } from "../../../db/errors.ts";
import { shareSales } from "../../../db/sales/lock.ts";
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
      outcomes = await inOneTransaction(sql, distinct);
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

function inOneTransaction(sql: Sql, claims: readonly GrantedClaim[]): Promise<Map<string, ClaimOutcome>> {
  const saleIds = [...new Set(claims.map((claim) => claim.couponId as string))].sort();
  // A larger number is beyond every total, and must not fail the statement for its batch.
  const insertable = claims.filter((claim) => claim.slot <= MAX_INTEGER);
  return sql.begin(async (tx) => {
    // One round trip for lock and insert: the insert's join applies the sale's rules by itself.
    const [sales, inserted] = await Promise.all([shareSales(tx, saleIds), insertClaims(tx, insertable)]);
    const saleById = new Map(sales.map((sale) => [sale.id, sale]));
    const fresh = new Set(inserted.map((row) => row.requestId));
    const outcomes = new Map<string, ClaimOutcome>();
    const refused: GrantedClaim[] = [];
    for (const claim of claims) {
      const sale = saleById.get(claim.couponId);
      if (sale === undefined) outcomes.set(claim.requestId, { code: "COUPON_NOT_FOUND" });
      else if (!fresh.has(claim.requestId)) refused.push(claim);
      else outcomes.set(claim.requestId, { code: "PERSISTED", slot: claim.slot, issuedAt: sale.now });
    }
    if (refused.length === 0) return outcomes;

    const standing = new Map((await findStanding(tx, refused)).map((row) => [row.requestId, row]));
    const aliases = [];
    for (const claim of refused) {
      const outcome = judgeConflict(claim, saleById.get(claim.couponId)!, standing.get(claim.requestId)!);
      if (outcome === null) continue;
      outcomes.set(claim.requestId, outcome);
      if (outcome.code === "ALIASED") aliases.push({ ...claim, originalRequestId: outcome.original });
    }
    if (aliases.length > 0) await insertAliases(tx, aliases);
    return outcomes;
  });
}
