import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { Sql } from "../../../db/client.ts";
import { listOverdueSales } from "../../../db/sales/live.ts";

export interface OverdueDeps {
  readonly sql: Sql;
  readonly keepHours: number;
  /** Entries in a sale's ledger. */
  readonly length: (couponId: CouponId) => Promise<number>;
  readonly leftOut: LeftOut;
}

/** Between two looks. */
const LOOK_EVERY_MS = 5_000;
/** Sales of one look. Where retention is at work there are hardly any; the next look goes on behind them. */
const PAGE = 500;
/** Sales with a filled ledger that are kept in mind; the others come when these are settled. */
const MAX_FILLED = 1_000;

/**
 * Sales that have ended for longer than SALE_KEEP_HOURS and still have claims in their ledgers: the consumers or PostgreSQL
 * were away for that long. Their claims are settled like any others, and then the sales leave Redis. Called every round; it looks at
 * a page of them every few seconds.
 */
export function createOverdueLedgers(deps: OverdueDeps): () => Promise<readonly CouponId[]> {
  const { sql, keepHours, length, leftOut } = deps;
  let filled: readonly CouponId[] = [];
  let place: { readonly id: string; readonly endsAt: Date } | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;

  return async () => {
    if (performance.now() - lookedAt < LOOK_EVERY_MS) return filled;
    const { known, next } = await listOverdueSales(sql, keepHours, filled, place, PAGE);
    const ids = [...new Set([...known, ...next.map(({ id }) => id)])] as CouponId[];
    // A sale for which Redis does not answer is looked at again later.
    const lengths = await leftOut.runEach("overdue ledger", ids, String, length, { throwsIfAway: false });
    filled = lengths
      .filter(({ result }) => result > 0)
      .map(({ thing }) => thing)
      .slice(0, MAX_FILLED);
    place = next.length < PAGE ? null : next.at(-1)!;
    lookedAt = performance.now();
    return filled;
  };
}
