import type { CouponId } from "../../../contracts/wire/ids.ts";
import { KafkaError } from "../../../kafka/kafka.ts";
import type { LedgerEntry } from "../../../lua/ledger.ts";
import { bisect } from "../../engine/bisect.ts";
import { failureCode, failureKind } from "../../engine/failure.ts";
import type { Log } from "../../engine/log.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import type { Settlement } from "../persist/settle-claims.ts";

export interface PageDeps {
  readonly settle: (claims: readonly GrantedClaim[]) => Promise<Settlement>;
  readonly log: Log;
  /** What an uneventful page is worth in the log. */
  readonly level: "info" | "debug";
  readonly relayed: (claims: number) => void;
  /** Sales whose entries could not be removed, and when to try again; kept from round to round. */
  readonly onHold: Map<CouponId, number>;
}

/**
 * What became of a page. SETTLED: all that could be done (what stays is named in the log). DEFERRED: nothing of it can be
 * decided now, because the sale is paused or being rebuilt. UNTOLD: the rows stand, but
 * Kafka did not take the news; the entries stay. FAILED: nothing is known.
 */
export type PageOutcome = "SETTLED" | "DEFERRED" | "UNTOLD" | "FAILED";

/** Entries that stay although they are settled (the sale was lost just now) would be told again with every round. */
export const HOLD_MS = 10_000;

export const asClaim = (couponId: CouponId, entry: LedgerEntry): GrantedClaim => {
  const { userId, requestId, slot, epoch, ledgerId } = entry;
  return { couponId, userId, requestId, slot, epoch, ledgerId };
};

/**
 * A page that fails for what one entry is gets settled by halves, of halves, until that one is left; it stays, with a word
 * in the log.
 */
export async function settlePage(
  deps: PageDeps,
  couponId: CouponId,
  entries: readonly LedgerEntry[],
): Promise<PageOutcome> {
  const settle = async (part: readonly LedgerEntry[]): Promise<PageOutcome> => {
    const settlement = await deps.settle(part.map((entry) => asClaim(couponId, entry)));
    report(deps, couponId, settlement);
    return settlement.settled === 0 && settlement.deferred.length > 0 ? "DEFERRED" : "SETTLED";
  };
  const outcomes = await bisect(entries, settle, (part, error): PageOutcome => {
    deps.log.error({ couponId, claims: part.length, ...failureCode(error) }, "ledger entries stay for the next round");
    if (error instanceof KafkaError) return "UNTOLD";
    return failureKind(error) === "permanent" ? "SETTLED" : "FAILED";
  });
  return outcomes.reduce((worst, outcome) => (outcome === "FAILED" || worst === "SETTLED" ? outcome : worst));
}

function report(deps: PageDeps, couponId: CouponId, settlement: Settlement): void {
  const { settled, deferred, unknown, unacknowledged } = settlement;
  if (unacknowledged > 0) deps.onHold.set(couponId, performance.now() + HOLD_MS);
  if (settled > 0) deps.relayed(settled);
  const fields = { couponId, settled, deferred: deferred.length, unknown: unknown.length, unacknowledged };
  if (unknown.length > 0) deps.log.error(fields, "ledger entries of a sale that PostgreSQL does not know; they stay");
  else deps.log[deps.level](fields, "settled claims from the ledger");
}
