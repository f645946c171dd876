import type { CouponId } from "../../contracts/ids.ts";
import type { LedgerPage, LedgerRange } from "../../lua/ledger.ts";
import type { Claim, ClaimOutcome } from "../coupon-persist/outcome.ts";

const PAGE = 1_000;

/**
 * Writes whatever the ledger still holds of a fenced sale into PostgreSQL, and its claims that were deferred: so they keep their
 * slots where nobody else has them. Nothing is told and no entry is removed: the
 * relay does both afterwards, and a recovery must not wait for Kafka here. Claims that conflict stay entries, to be decided
 * again when the sale is loaded.
 * @returns how many claims PostgreSQL holds now, of how many
 */
export async function persistLedger(
  read: (couponId: CouponId, range: LedgerRange) => Promise<LedgerPage>,
  persist: (claims: readonly Claim[]) => Promise<readonly ClaimOutcome[]>,
  deferredAfter: (couponId: CouponId, requestId: string, count: number) => Promise<readonly Claim[]>,
  couponId: CouponId,
): Promise<{ readonly held: number; readonly entries: number }> {
  let held = 0;
  let entries = 0;
  let after: string | undefined;
  const write = async (claims: readonly Claim[]) => {
    const outcomes = claims.length === 0 ? [] : await persist(claims);
    entries += outcomes.length;
    held += outcomes.filter(({ code }) => code === "PERSISTED" || code === "REPEATED" || code === "ALIASED").length;
  };
  do {
    const page = await read(couponId, { olderThanMs: 0, count: PAGE, ...(after === undefined ? {} : { after }) });
    await write(page.entries.map((entry) => ({ couponId, ...entry })));
    after = page.next ?? undefined;
  } while (after !== undefined);
  for (let last: string | undefined = ""; last !== undefined; ) {
    const claims: readonly Claim[] = await deferredAfter(couponId, last, PAGE);
    await write(claims);
    last = claims.length === PAGE ? claims.at(-1)!.requestId : undefined;
  }
  return { held, entries };
}
