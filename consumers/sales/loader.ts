import type { CouponId } from "../../contracts/wire/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import type { LeasePool } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { compareTerms } from "../../db/sales/change.ts";
import { type LiveSale, listLiveSales } from "../../db/sales/live.ts";
import { neverClaimed } from "../../db/sales/recover.ts";
import type { SaleHealth } from "../../lua/sale-health.ts";
import type { SaleScripts } from "../../lua/sale-scripts.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { diagnose } from "./diagnose.ts";
import { loadSale } from "./load-sale.ts";
import { type LostSale, Recovery, type RecoveryDeps } from "./recovery.ts";

export interface LoaderDeps extends RecoveryDeps {
  readonly leases: LeasePool;
  readonly scripts: Pick<SaleScripts, "setState" | "resize">;
  /** Sales that ended more than this many hours ago are in PostgreSQL only. */
  readonly keepHours: number;
  /** Sales whose look or treatment failed. They do not delay other sales. */
  readonly leftOut: LeftOut;
  readonly log: Log;
}

/** Sales looked at together. */
const LOOKS_AT_ONCE = 64;
const FIRST_LOADS_AT_ONCE = 16;
/** Every tenth look at a sale checks the types of its keys. The sales are spread over the looks. */
const TYPES_EVERY = 10;
/** The most groups of recoveries under way. Each group holds a connection for its leases. */
const MAX_GROUPS = { waiting: 3, quick: 2 };
/** Milliseconds after which a recovery that keeps failing begins again, at most. */
const MAX_REST_MS = 60_000;

const idOf = ({ id }: LiveSale) => id as CouponId;

/**
 * Keeps Redis equal to PostgreSQL: one `look` checks all live sales. Recoveries take long, so they go on beside the looks,
 * and a new sale never waits for another sale's recovery. Recoveries that need not wait for Kafka's log go in separate groups,
 * so that they do not wait for the others.
 */
export class Loader {
  readonly #deps: LoaderDeps;
  readonly #recovery: Recovery;
  readonly #busy = new Set<CouponId>();
  /** Sales that had this process' scripts, with the epoch in which they had them. */
  readonly #hadOurs = new Map<CouponId, number>();
  #looks = 0;
  readonly #groups = { waiting: new Set<Promise<void>>(), quick: new Set<Promise<void>>() };

  constructor(deps: LoaderDeps) {
    this.#deps = deps;
    this.#recovery = new Recovery(deps);
  }

  /** @throws the error of PostgreSQL or Redis; the next look tries again */
  async look(stopping: AbortSignal): Promise<void> {
    const { sql, loading, leftOut } = this.#deps;
    const sales = (await listLiveSales(sql, this.#deps.keepHours)).filter((sale) => !this.#busy.has(idOf(sale)));
    const fresh: LiveSale[] = [];
    const lost: LostSale[] = [];
    const round = loading.startRound();
    this.#looks++;
    const health = async (sale: LiveSale, i: number): Promise<SaleHealth> => {
      const seen = await loading.health(idOf(sale), round);
      if (!seen.loaded || (i + this.#looks) % TYPES_EVERY !== 0) return seen;
      const broken = await loading.brokenKey(idOf(sale));
      return broken === null
        ? seen
        : { ...seen, loaded: false, reason: "BROKEN", detail: `${broken} is of another type` };
    };
    this.#forgetAllBut(sales);
    const looks = await leftOut.runEach("look", sales, idOf, health, { atOnce: LOOKS_AT_ONCE });
    const treat = ({ thing, result }: (typeof looks)[number]) => this.#treat(thing, result, fresh, lost);
    await leftOut.runEach("treatment", looks, ({ thing }) => thing.id, treat, { atOnce: FIRST_LOADS_AT_ONCE });
    await this.#recover(lost, stopping);
    if (fresh.length > 0) await this.#firstLoads(fresh);
  }

  #forgetAllBut(sales: readonly LiveSale[]): void {
    if (this.#hadOurs.size <= 2 * sales.length) return;
    const live = new Set(sales.map(idOf));
    for (const couponId of this.#hadOurs.keys()) if (!live.has(couponId)) this.#hadOurs.delete(couponId);
  }

  /** Resolves when no recovery is under way. */
  async settled(): Promise<void> {
    await Promise.all([...this.#groups.waiting, ...this.#groups.quick]);
  }

  async #treat(sale: LiveSale, health: SaleHealth, fresh: LiveSale[], lost: LostSale[]): Promise<void> {
    if (health.loaded) await this.#bringScripts(idOf(sale), health);
    const diagnosis = diagnose(sale, health);
    if (diagnosis.need === "first-load") fresh.push(sale);
    else if (diagnosis.need === "set-terms") await this.#setTerms(idOf(sale), sale.epoch);
    else if (diagnosis.need === "recovery") {
      const { epoch, loadState, issueMode } = sale;
      const isFenced = health.reason === "RECOVERING";
      const queued = issueMode === "QUEUED";
      const redis = { redisEpoch: health.epoch, isFenced };
      lost.push({ couponId: idOf(sale), epoch, loadState, queued, ...redis, why: diagnosis.why });
    }
  }

  /**
   * A running sale keeps the scripts that it was loaded with, so a corrected script reaches it only through a newer loader. Once
   * per sale: if the scripts changed after they were this process' scripts, a process that started later changed them, and the
   * two must not undo each other's work every second.
   */
  async #bringScripts(couponId: CouponId, health: SaleHealth): Promise<void> {
    if (this.#hadOurs.get(couponId) === health.epoch) return;
    if (health.isOutdated) {
      const outcome = await this.#deps.loading.swapScripts(couponId, health.epoch);
      if (outcome === "NOT_LOADED" || outcome === "STALE_EPOCH") return; // lost or rebuilt just now; the next look sees it
      if (outcome === "CHANGED")
        this.#deps.log.info({ couponId, epoch: health.epoch }, "the sale has this release's scripts");
    }
    this.#hadOurs.set(couponId, health.epoch);
  }

  /** Under leases: for another loader, a sale that is LOADING without a lease is one whose loader died during the load. */
  async #firstLoads(fresh: readonly LiveSale[]): Promise<void> {
    const load = (sale: LiveSale) => this.#firstLoad(sale);
    await withLeases(this.#deps.leases, LEASES.saleLoader, fresh.map(idOf), async (held) => {
      const ours = fresh.filter(({ id }) => held.includes(id));
      await this.#deps.leftOut.runEach("first load", ours, idOf, load, { atOnce: FIRST_LOADS_AT_ONCE });
    });
  }

  /** Fence first: the load script replaces only a sale that is fenced in its epoch. Of two loaders, one fails at NEW → LOADING. */
  async #firstLoad({ id, epoch }: LiveSale): Promise<void> {
    const { sql, loading, log } = this.#deps;
    const couponId = id as CouponId;
    if ((await loading.fence(couponId, epoch)) === "STALE_EPOCH") return;
    const outcome = await loadSale(sql, loading, couponId, epoch, "NEW");
    if (outcome === "LOADED") log.info({ couponId }, "loaded a new sale");
  }

  async #setTerms(couponId: CouponId, epoch: number): Promise<void> {
    const { sql, scripts, log } = this.#deps;
    await compareTerms(sql, couponId, epoch, async ({ state, total, startsAt, endsAt }, highestSlot) => {
      const window = { startsAt: startsAt.getTime(), endsAt: endsAt.getTime() };
      if ((await scripts.setState(couponId, state, window)) === "CHANGED") {
        log.warn({ couponId, state, endsAt }, "Redis had missed the sale's state or its end");
      }
      const resized = await scripts.resize(couponId, total, highestSlot);
      if (resized.code === "CHANGED") log.warn({ couponId, total }, "Redis had missed the sale's total");
      if (resized.code === "CONFLICT") {
        const { smallestTotal } = resized;
        log.error({ couponId, total, smallestTotal }, "Redis has given out slots beyond the sale's total");
      }
    });
  }

  async #recover(lost: readonly LostSale[], stopping: AbortSignal): Promise<void> {
    const { leftOut, sql } = this.#deps;
    const due = lost.filter(({ couponId }) => !leftOut.isResting("recovery", couponId));
    if (due.length === 0) return;
    const ids = due.map(({ couponId }) => couponId);
    const never = await neverClaimed(sql, ids);
    for (const kind of ["quick", "waiting"] as const) {
      const sales = due.filter(({ couponId, queued }) => (queued || never.has(couponId)) === (kind === "quick"));
      if (sales.length > 0 && this.#groups[kind].size < MAX_GROUPS[kind])
        this.#begin(sales, this.#groups[kind], stopping);
    }
  }

  #begin(sales: readonly LostSale[], groups: Set<Promise<void>>, stopping: AbortSignal): void {
    const { leases, leftOut, log } = this.#deps;
    const ids = sales.map(({ couponId }) => couponId);
    for (const id of ids) this.#busy.add(id);
    const recover = async (sale: LostSale) => {
      try {
        await this.#recovery.recover(sale, stopping);
      } finally {
        this.#busy.delete(sale.couponId);
      }
    };
    const work = async (held: readonly string[]) => {
      const ours = sales.filter(({ couponId }) => held.includes(couponId));
      const nameOf = ({ couponId }: LostSale) => couponId;
      await leftOut.runEach("recovery", ours, nameOf, recover, { throwsIfAway: false, maxRestMs: MAX_REST_MS });
    };
    const group: Promise<void> = withLeases(leases, LEASES.saleLoader, ids, work)
      .then(() => {})
      .catch((error) => log.error({ sales: ids.slice(0, 10), ...failureCode(error) }, "recoveries begin again"))
      .finally(() => {
        for (const id of ids) this.#busy.delete(id);
        groups.delete(group);
      });
    groups.add(group);
  }
}
