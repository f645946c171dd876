import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { LedgerPage, LedgerRange } from "../../../lua/ledger.ts";
import { HOLD_MS, type PageDeps, settlePage } from "./settle-page.ts";

export interface RelayDeps extends PageDeps {
  /** Sales whose ledgers may hold entries. */
  readonly sales: () => Promise<readonly CouponId[]>;
  /** Entries in a sale's ledger. */
  readonly length: (couponId: CouponId) => Promise<number>;
  readonly read: (couponId: CouponId, range: LedgerRange) => Promise<LedgerPage>;
  /** One process at a time per sale; undefined when all are held elsewhere. */
  readonly lease: <T>(
    couponIds: readonly CouponId[],
    work: (held: readonly CouponId[]) => Promise<T>,
  ) => Promise<T | undefined>;
  /** Leaves out sales whose ledgers cannot be read or settled; the others go on. */
  readonly leftOut: LeftOut;
  readonly waitingEntries: (entries: number) => void;
  /** How old an entry must be: younger ones are on their way through Kafka, or the tail is about to take them. */
  readonly ageMs: number;
  /** Until when nothing more is said about a sale's entries that are no claims. */
  readonly complained: Map<CouponId, number>;
  /** The tail is working through this sale: what it has not come to yet is late, not forgotten. */
  readonly tailing: (couponId: CouponId) => boolean;
}

const PAGE = 1_000;
/** Entries that are no claims stay until an operator removes them; the log names them once in this time, milliseconds. */
const COMPLAIN_EVERY_MS = 60_000;
const HURRY = 12;
/** Sales that are settled side by side, so that one with a long backlog does not keep all others waiting. */
const SALES_AT_ONCE = 3;

/**
 * One round over all ledgers: entries older than `ageMs` are settled straight from Redis, by the same function that the log's
 * consumer uses. So nothing is lost if a gateway dies before it publishes, or if Kafka is away for an hour.
 * With Kafka away the rows are written, but the entries stay and their status is not ISSUED: ISSUED means that the log holds
 * the event, too. The next rounds find the rows, publish the events and remove the entries as soon as Kafka is back.
 */
export async function relayRound(deps: RelayDeps, stopping: AbortSignal): Promise<void> {
  const now = performance.now();
  for (const [couponId, until] of deps.onHold) if (until <= now) deps.onHold.delete(couponId);
  const sales = (await deps.sales()).filter((couponId) => !deps.onHold.has(couponId));
  const { leftOut } = deps;
  const lengths = await leftOut.runEach("ledger length", sales, String, deps.length);
  deps.waitingEntries(lengths.reduce((sum, { result }) => sum + result, 0));
  const filled = lengths.filter(({ result }) => result > 0).map(({ thing }) => thing);
  // One entry tells: in a rush every ledger is full of entries that are a few milliseconds old.
  const oldest = await leftOut.runEach("oldest ledger entry", filled, String, (couponId) =>
    deps.read(couponId, { olderThanMs: deps.ageMs, count: 1 }),
  );
  const overdue = oldest.filter(({ result }) => result.entries.length + result.malformed.length > 0);
  if (overdue.length === 0) return;
  const ids = overdue.map(({ thing }) => thing);
  await deps.lease(ids, (held) =>
    leftOut.runEach("settling the ledger", held, String, (couponId) => relaySale(deps, couponId, stopping), {
      atOnce: SALES_AT_ONCE,
    }),
  );
}

/**
 * One page a round while entries are only a little late: the log's consumer is probably just behind, and doing its work a
 * second time would put it further behind (measured: 12,000 rows/s instead of 20,000). Entries older than `HURRY` times
 * `ageMs` will not come through the log any more, and are settled without a pause.
 */
async function relaySale(deps: RelayDeps, couponId: CouponId, stopping: AbortSignal): Promise<void> {
  let olderThanMs = deps.ageMs;
  let after: string | undefined;
  let allDeferred: boolean | undefined;
  while (!stopping.aborted) {
    const range = { olderThanMs, count: PAGE, ...(after === undefined ? {} : { after }) };
    const page = await deps.read(couponId, range);
    if (page.malformed.length > 0) complain(deps, couponId, page.malformed);
    const tailing = deps.tailing(couponId);
    const entries = page.entries.filter(({ pipeline }) => pipeline === undefined || !tailing);
    if (entries.length > 0) {
      allDeferred = (await settlePage(deps, couponId, entries)) === "DEFERRED" && allDeferred !== false;
    }
    if (deps.onHold.has(couponId)) return;
    if (page.next === null) break;
    after = page.next;
    olderThanMs = HURRY * deps.ageMs;
  }
  // Claims from before a rebuild, or of a paused sale: they are tried again after HOLD_MS.
  if (allDeferred === true) deps.onHold.set(couponId, performance.now() + HOLD_MS);
}

function complain(deps: RelayDeps, couponId: CouponId, entries: readonly string[]): void {
  const now = performance.now();
  if ((deps.complained.get(couponId) ?? 0) > now) return;
  deps.complained.set(couponId, now + COMPLAIN_EVERY_MS);
  deps.log.error({ couponId, entries: entries.slice(0, 10) }, "the ledger holds entries that are no claims; they stay");
}
