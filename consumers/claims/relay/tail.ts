import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { LedgerTail } from "../../../lua/ledger-tail.ts";
import { isLater } from "../../../lua/stream-ids.ts";
import { pause } from "../../engine/pause.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import { asClaim, type PageDeps, settlePage } from "./settle-page.ts";

export interface TailDeps extends PageDeps {
  /** Sales whose ledgers may hold entries. */
  readonly sales: () => Promise<readonly CouponId[]>;
  /** The newest ledger id of the Redis pipeline. */
  readonly newest: (couponId: CouponId) => Promise<string | null>;
  /** Leaves out sales for which Redis does not answer; the others go on. */
  readonly leftOut: LeftOut;
  readonly read: (couponId: CouponId, after: string | undefined, count: number) => Promise<LedgerTail>;
  /** One process at a time per sale; undefined when all are held elsewhere. */
  readonly lease: <T>(
    couponIds: readonly CouponId[],
    work: (held: readonly CouponId[]) => Promise<T>,
  ) => Promise<T | undefined>;
  /** Writes rows and nothing else, for while Kafka is away. */
  readonly persist: (claims: readonly GrantedClaim[]) => Promise<unknown>;
  /** How often all sales are looked at for claims whose announcement was lost, milliseconds. */
  readonly lookEveryMs: number;
  /** Asks for another round at once. */
  readonly moreToDo: () => void;
}

const PAGE = 1_000;
/** How long claims are collected, milliseconds: settled one by one they cost three times the CPU per row. */
const COLLECT_MS = 5;
/** How long a round works on the sales that it has leased before it looks for others, milliseconds. */
const TURN_MS = 100;
/** After Kafka refused the events of a page, the next pages are only written for this time, milliseconds: each refusal takes a message.timeout.ms. */
const LOG_AWAY_MS = 5_000;

/**
 * The reader of the Redis pipeline: it follows each ledger with a separate cursor and settles the claims that were given
 * to no other relay, at once and page after page. Kafka's entries it passes by: it must not do the log's work a second time.
 * It promises nothing. Gateways wake it, a look at every sale finds what was not announced, and what it leaves behind (a
 * process that dies, a page that fails) grows old and is met by the relay's ordinary round.
 */
export class Tail {
  readonly #deps: TailDeps;
  #sales: ReadonlySet<CouponId> = new Set();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #logAwayUntil = Number.NEGATIVE_INFINITY;
  readonly #woken = new Set<CouponId>();
  #restsUntil = Number.NEGATIVE_INFINITY;
  /** Where reading goes on, behind Kafka's entries too. */
  readonly #reached = new Map<CouponId, string>();
  /** The newest claim of the Redis pipeline at the last look, of sales that have not been read that far. */
  readonly #newest = new Map<CouponId, string>();
  /** The newest claim of the Redis pipeline that has been read, as a look found it. */
  readonly #covered = new Map<CouponId, string>();
  readonly #at = new Set<CouponId>();

  constructor(deps: TailDeps) {
    this.#deps = deps;
  }

  /** A gateway announced claims of this sale. They are settled in the next round. */
  wake(couponId: CouponId): void {
    this.#woken.add(couponId);
  }

  /** Whether this process is working through the sale now. */
  isAt(couponId: CouponId): boolean {
    return this.#at.has(couponId);
  }

  /** @throws what PostgreSQL or Redis threw; after a rest the sales are looked at again */
  async round(stopping: AbortSignal): Promise<void> {
    if (performance.now() < this.#restsUntil) return; // woken, but what failed just now would fail again
    try {
      await this.#work(stopping);
    } catch (error) {
      this.#restsUntil = performance.now() + this.#deps.lookEveryMs / 2;
      throw error;
    }
  }

  async #work(stopping: AbortSignal): Promise<void> {
    const { lookEveryMs, lease, onHold, moreToDo } = this.#deps;
    if (performance.now() - this.#lookedAt >= lookEveryMs) await this.#look();
    // Another installation may share this Redis: only what PostgreSQL knows is ours.
    const wanted = [...this.#woken].filter((id) => this.#sales.has(id) && (onHold.get(id) ?? 0) <= performance.now());
    this.#woken.clear();
    if (wanted.length === 0) return;
    await pause(COLLECT_MS, stopping);
    await lease(wanted, async (held) => {
      for (const couponId of held) this.#at.add(couponId);
      try {
        for (const couponId of await this.#turn(held, stopping)) this.#woken.add(couponId);
      } finally {
        this.#at.clear();
      }
    });
    if (this.#woken.size > 0) moreToDo();
  }

  /** Finds sales whose newest claim of the Redis pipeline lies behind where we have read to. */
  async #look(): Promise<void> {
    const sales = await this.#deps.sales();
    const newest = await this.#deps.leftOut.runEach("newest claim", sales, String, this.#deps.newest);
    this.#lookedAt = performance.now();
    this.#sales = new Set(sales);
    for (const cursors of [this.#reached, this.#covered]) {
      for (const couponId of cursors.keys()) if (!this.#sales.has(couponId)) cursors.delete(couponId);
    }
    this.#newest.clear();
    for (const { thing, result } of newest) if (result !== null) this.#compare(thing, result);
  }

  #compare(couponId: CouponId, last: string): void {
    const covered = this.#covered.get(couponId);
    if (last === covered) return;
    // Ids run backwards if Redis lost the sale and its clock is behind. The ledger is read from the start then.
    if (covered !== undefined && isLater(covered, last)) this.#reached.delete(couponId);
    const reached = this.#reached.get(couponId);
    if (reached !== undefined && !isLater(last, reached)) {
      this.#covered.set(couponId, last);
      return;
    }
    this.#newest.set(couponId, last);
    this.#woken.add(couponId);
  }

  /** Reads a page of each sale in turn, as long as pages are full. Returns the sales that have more to read. */
  async #turn(held: readonly CouponId[], stopping: AbortSignal): Promise<readonly CouponId[]> {
    const endAt = performance.now() + TURN_MS;
    let open = held;
    while (open.length > 0 && !stopping.aborted && performance.now() < endAt) {
      // What is left out here is behind its newest claim, so a later look finds it again.
      const pages = await this.#deps.leftOut.runEach("tail", open, String, (id) => this.#page(id), { atOnce: 1 });
      open = pages.filter(({ result }) => result).map(({ thing }) => thing);
    }
    return open;
  }

  /** Returns whether there is more to read. */
  async #page(couponId: CouponId): Promise<boolean> {
    const { entries, reached, full } = await this.#deps.read(couponId, this.#reached.get(couponId), PAGE);
    if (entries.length > 0) {
      if (performance.now() < this.#logAwayUntil) {
        await this.#deps.persist(entries.map((entry) => asClaim(couponId, entry)));
      } else {
        const outcome = await settlePage(this.#deps, couponId, entries);
        if (outcome === "FAILED") {
          // A look after the hold continues at the same place.
          this.#deps.onHold.set(couponId, performance.now() + this.#deps.lookEveryMs);
          return false;
        }
        if (outcome === "UNTOLD") this.#logAwayUntil = performance.now() + LOG_AWAY_MS;
      }
    }
    const newest = full ? undefined : this.#newest.get(couponId);
    const now = reached !== null && (newest === undefined || isLater(reached, newest)) ? reached : newest;
    if (now !== undefined) this.#advance(couponId, now);
    return full && (this.#deps.onHold.get(couponId) ?? 0) <= performance.now();
  }

  #advance(couponId: CouponId, to: string): void {
    const reached = this.#reached.get(couponId);
    if (reached === undefined || isLater(to, reached)) this.#reached.set(couponId, to);
  }
}
