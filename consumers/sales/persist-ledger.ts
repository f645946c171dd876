import type { CouponId } from "../../contracts/wire/ids.ts";
import type { LedgerPage, LedgerRange } from "../../lua/ledger.ts";
import type { ClaimOutcome, GrantedClaim } from "../claims/persist/outcome.ts";
import { failureKind } from "../engine/failure.ts";

const PAGE = 1_000;
const HELD: ReadonlySet<ClaimOutcome["code"]> = new Set(["PERSISTED", "REPEATED", "ALIASED"]);

/**
 * Writes the claims that a fenced sale's ledger holds into PostgreSQL, and its deferred claims: they keep their slots if no other
 * user has them. No owner is told and no entry is removed: the relay does both afterwards, because a recovery must not wait for Kafka
 * here. A claim that conflicts stays in the ledger and is decided again when the sale is loaded. So does a claim whose data PostgreSQL
 * refuses; otherwise the sale would stay closed for ever.
 * @returns `held`: claims that PostgreSQL holds now. `entries`: all claims. `refused`: claims whose data PostgreSQL refuses
 * @throws the error of PostgreSQL or Redis, unless it comes from single claims
 */
export async function persistLedger(
  read: (couponId: CouponId, range: LedgerRange) => Promise<LedgerPage>,
  persist: (claims: readonly GrantedClaim[]) => Promise<readonly ClaimOutcome[]>,
  deferredAfter: (couponId: CouponId, requestId: string, count: number) => Promise<readonly GrantedClaim[]>,
  couponId: CouponId,
): Promise<{ readonly held: number; readonly entries: number; readonly refused: number }> {
  let held = 0;
  let entries = 0;
  let refused = 0;
  let after: string | undefined;
  const write = async (claims: readonly GrantedClaim[]) => {
    const outcomes = await persistByHalves(persist, claims);
    entries += outcomes.length;
    refused += outcomes.filter((outcome) => outcome === null).length;
    held += outcomes.filter((outcome) => outcome !== null && HELD.has(outcome.code)).length;
  };
  do {
    const page = await read(couponId, { olderThanMs: 0, count: PAGE, ...(after === undefined ? {} : { after }) });
    await write(page.entries.map((entry) => ({ couponId, ...entry })));
    after = page.next ?? undefined;
  } while (after !== undefined);
  for (let last: string | undefined = ""; last !== undefined; ) {
    const claims: readonly GrantedClaim[] = await deferredAfter(couponId, last, PAGE);
    await write(claims);
    last = claims.length === PAGE ? claims.at(-1)!.requestId : undefined;
  }
  return { held, entries, refused };
}

/** A page that fails because of one claim's data is halved until that claim is alone. Its outcome is null. */
async function persistByHalves(
  persist: (claims: readonly GrantedClaim[]) => Promise<readonly ClaimOutcome[]>,
  claims: readonly GrantedClaim[],
): Promise<readonly (ClaimOutcome | null)[]> {
  if (claims.length === 0) return [];
  try {
    return await persist(claims);
  } catch (error) {
    if (failureKind(error) !== "permanent") throw error;
    if (claims.length === 1) return [null];
    const half = claims.length >> 1;
    const first = await persistByHalves(persist, claims.slice(0, half));
    return [...first, ...(await persistByHalves(persist, claims.slice(half)))];
  }
}
