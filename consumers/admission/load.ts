import type { OrderId } from "../../contracts/orders/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import type { FlashSnapshot } from "../../db/shop/flash-snapshot.ts";
import type { Admission, Hold } from "../../lua/admission.ts";

export interface LoadDeps {
  readonly admission: Pick<Admission, "holds" | "isInLedger" | "load" | "loaded">;
  /** Orders of a bucket that Redis does not answer about hold nothing else up. */
  readonly leftOut: LeftOut;
  readonly snapshot: (orderIds: readonly OrderId[]) => Promise<FlashSnapshot>;
  /** A hold of an order that neither PostgreSQL nor the ledger has: after this time its gateway is taken for dead. */
  readonly strayMs: number;
  /**
   * When each hold was seen first, by `performance.now()`; kept between looks. Redis' time of the hold is another machine's,
   * and may have been set back since.
   */
  readonly seen: Map<OrderId, number>;
}

/**
 * Brings the admission's stock in line with PostgreSQL's. What can still be admitted is the stock less what is held by
 * orders that are not in it yet; so reservations, restocks, refusals and restores all come in by themselves, and an error
 * of any kind is gone after a round. In doubt it admits: PostgreSQL refuses what does not fit.
 * @returns how many orders were let go
 */
export async function loadAdmission(deps: LoadDeps): Promise<number> {
  const { admission, leftOut, snapshot, strayMs } = deps;
  const holds = await admission.holds();
  const since = seenSince(deps.seen, holds);
  const old = holds.filter(({ orderId }) => performance.now() - since.get(orderId)! >= strayMs);
  // The ledger before PostgreSQL: an order goes from the one to the other.
  // The hold of an order whose bucket does not answer is kept: the order may still be in the ledger.
  const looks = await leftOut.runEach("held orders", old, ({ orderId }) => orderId, admission.isInLedger);
  const astray: Hold[] = looks.filter(({ result }) => !result).map(({ thing }) => thing);
  const { stocks, settled, known } = await snapshot(holds.map(({ orderId }) => orderId));
  const there = new Set(known);
  const strays = astray.map(({ orderId }) => orderId).filter((orderId) => !there.has(orderId));
  if (stocks.length === 0 && holds.length === 0 && (await admission.loaded()) === 0) return 0;
  const gone = [...settled, ...strays];
  await admission.load(stocks, gone);
  return gone.length;
}

/** Notes holds that are new and forgets those that are gone. */
function seenSince(seen: Map<OrderId, number>, holds: readonly Hold[]): ReadonlyMap<OrderId, number> {
  const present = new Set(holds.map(({ orderId }) => orderId));
  for (const orderId of seen.keys()) if (!present.has(orderId)) seen.delete(orderId);
  const now = performance.now();
  for (const orderId of present) if (!seen.has(orderId)) seen.set(orderId, now);
  return seen;
}
