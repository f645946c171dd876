import { MAX_INTEGER } from "../../contracts/claims/claim-numbers.ts";
import type { Sql } from "../client.ts";
import { type SharedSale, shareSales } from "../sales/lock.ts";
import { findStanding, type StandingClaim } from "./conflicts.ts";
import { type ClaimRow, insertAliases, insertClaims } from "./insert.ts";

/** What a claim is that was not inserted. `original`: of an ALIASED one, the request by which its user holds the coupon. */
interface JudgedClaim {
  readonly code: string;
  readonly original?: string;
}

/** What a claim is that needs no judgement. */
export type UnjudgedClaim =
  | { readonly code: "PERSISTED"; readonly slot: number; readonly issuedAt: Date }
  | { readonly code: "COUPON_NOT_FOUND" };

/**
 * One transaction: inserts claims under their sales' shared locks, lets `judge` say what became of those that were left out, by
 * the rows that stand in their way, and writes the aliases that it found. A claim that `judge` cannot explain (null) has no
 * outcome: the row in its way vanished meanwhile, and a repetition inserts the claim.
 * @throws the driver's error: nothing was written
 */
export function insertAndJudge<Claim extends ClaimRow, Judged extends JudgedClaim>(
  sql: Sql,
  claims: readonly Claim[],
  judge: (claim: Claim, sale: SharedSale, standing: StandingClaim) => Judged | null,
): Promise<Map<string, Judged | UnjudgedClaim>> {
  const saleIds = [...new Set(claims.map((claim) => claim.couponId))].sort();
  // A larger number is beyond every total, and must not fail the statement for its batch.
  const insertable = claims.filter((claim) => claim.slot <= MAX_INTEGER);
  return sql.begin(async (tx) => {
    // One round trip for lock and insert: the insert's join applies the sale's rules.
    const [sales, inserted] = await Promise.all([shareSales(tx, saleIds), insertClaims(tx, insertable)]);
    const saleById = new Map(sales.map((sale) => [sale.id, sale]));
    const fresh = new Set(inserted.map((row) => row.requestId));
    const outcomes = new Map<string, Judged | UnjudgedClaim>();
    const refused: Claim[] = [];
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
      const outcome = judge(claim, saleById.get(claim.couponId)!, standing.get(claim.requestId)!);
      if (outcome === null) continue;
      outcomes.set(claim.requestId, outcome);
      if (outcome.code === "ALIASED") aliases.push({ ...claim, originalRequestId: outcome.original! });
    }
    if (aliases.length > 0) await insertAliases(tx, aliases);
    return outcomes;
  });
}

/**
 * Second requests of winners become names of their users' coupons. Under the sales' shared locks: a coupon that is being revoked
 * must not come back by another request of its user.
 * @returns what PostgreSQL holds about each request; without `heldRequest` its user holds nothing (any more)
 */
export function nameCoupons(sql: Sql, asked: readonly ClaimRow[]): Promise<Map<string, StandingClaim>> {
  const saleIds = [...new Set(asked.map(({ couponId }) => couponId))].sort();
  return sql.begin(async (tx) => {
    await shareSales(tx, saleIds);
    const standing = new Map((await findStanding(tx, asked)).map((row) => [row.requestId, row]));
    const aliases = asked.flatMap((request) => {
      const row = standing.get(request.requestId);
      return row?.heldRequest == null || row.ownStatus !== null
        ? []
        : [{ ...request, originalRequestId: row.heldRequest }];
    });
    if (aliases.length > 0) await insertAliases(tx, aliases);
    return standing;
  });
}
