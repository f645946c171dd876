import type { CouponId } from "../../contracts/ids.ts";
import { type LiveSale, listLiveSales } from "../../db/queries/list-live-sales.ts";
import { lockSale } from "../../db/queries/lock-sale.ts";
import { highestSlot } from "../../db/queries/resize-sale.ts";
import { LEASES, withLeases } from "../../db/queries/with-leases.ts";
import type { SaleHealth } from "../../lua/sale-loading.ts";
import type { SaleScripts } from "../../lua/sale-scripts.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import { diagnose } from "./diagnose.ts";
import { loadSale } from "./load-sale.ts";
import { type LostSale, type RecoveryDeps, recover } from "./recover.ts";

export interface LoaderDeps extends RecoveryDeps {
  readonly scripts: Pick<SaleScripts, "setState" | "resize">;
  /** Sales that ended longer ago are left to PostgreSQL. */
  readonly keepHours: number;
  readonly log: Log;
}

/** Sales looked at in one turn of the event loop. */
const LOOKS_AT_ONCE = 64;
/** Recoveries under way; each holds a connection for its leases. */
const MAX_RECOVERIES = 3;

/**
 * Keeps Redis what PostgreSQL says: one `look` over all live sales. What takes long (recoveries) goes on beside the
 * looks, so that a new sale never waits for another one's recovery.
 */
export class Loader {
  readonly #deps: LoaderDeps;
  readonly #busy = new Set<CouponId>();
  readonly #recoveries = new Set<Promise<void>>();

  constructor(deps: LoaderDeps) {
    this.#deps = deps;
  }

  /** @throws what PostgreSQL or Redis threw; the next look tries again */
  async look(stopping: AbortSignal): Promise<void> {
    const { sql, loading } = this.#deps;
    const sales = (await listLiveSales(sql, this.#deps.keepHours)).filter(({ id }) => !this.#busy.has(id as CouponId));
    const fresh: LiveSale[] = [];
    const lost: LostSale[] = [];
    const round = loading.startRound();
    for (let at = 0; at < sales.length; at += LOOKS_AT_ONCE) {
      const some = sales.slice(at, at + LOOKS_AT_ONCE);
      const healths = await Promise.all(some.map(({ id }) => loading.health(id as CouponId, round)));
      await Promise.all(some.map((sale, i) => this.#treat(sale, healths[i]!, fresh, lost)));
    }
    if (fresh.length > 0) await this.#firstLoads(fresh);
    if (lost.length > 0 && this.#recoveries.size < MAX_RECOVERIES) this.#recover(lost, stopping);
  }

  /** Resolves when nothing is being recovered any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#recoveries);
  }

  async #treat(sale: LiveSale, health: SaleHealth, fresh: LiveSale[], lost: LostSale[]): Promise<void> {
    const { log } = this.#deps;
    const couponId = sale.id as CouponId;
    const diagnosis = diagnose(sale, health);
    try {
      if (diagnosis.need === "first-load") fresh.push(sale);
      else if (diagnosis.need === "set-terms") await this.#setTerms(couponId, sale.epoch);
      else if (diagnosis.need === "recovery") {
        const { epoch, load_state: loadState, issue_mode } = sale;
        const queued = issue_mode === "QUEUED";
        lost.push({ couponId, epoch, loadState, queued, redisEpoch: health.epoch, why: diagnosis.why });
      }
    } catch (error) {
      log.error({ couponId, need: diagnosis.need, ...failureCode(error) }, "the sale is looked at again");
    }
  }

  /** Under leases: to another loader a sale that is LOADING and held by nobody is one whose loader died half-way. */
  async #firstLoads(fresh: readonly LiveSale[]): Promise<void> {
    const ids = fresh.map(({ id }) => id);
    await withLeases(this.#deps.sql, LEASES.saleLoader, ids, (held) =>
      Promise.all(fresh.filter(({ id }) => held.includes(id)).map((sale) => this.#firstLoad(sale))),
    );
  }

  /** Fence first: the load script replaces only what its own epoch has fenced. Two loaders meet at NEW → LOADING. */
  async #firstLoad({ id, epoch }: LiveSale): Promise<void> {
    const { sql, loading, log } = this.#deps;
    const couponId = id as CouponId;
    try {
      if ((await loading.fence(couponId, epoch)) === "STALE_EPOCH") return;
      const outcome = await loadSale(sql, loading, couponId, epoch, "NEW");
      if (outcome === "LOADED") log.info({ couponId }, "loaded a new sale");
    } catch (error) {
      log.error({ couponId, need: "first-load", ...failureCode(error) }, "the sale is looked at again");
    }
  }

  /**
   * Under the sale's lock: an operator's change writes PostgreSQL and Redis inside one transaction, and what looked like
   * a difference may be that transaction's middle.
   */
  async #setTerms(couponId: CouponId, epoch: number): Promise<void> {
    const { sql, scripts, log } = this.#deps;
    await sql.begin(async (tx) => {
      const sale = await lockSale(tx, couponId);
      if (sale === null || sale.load_state !== "LOADED" || sale.epoch !== epoch) return;
      if ((await scripts.setState(couponId, sale.state)) === "CHANGED") {
        log.warn({ couponId, state: sale.state }, "Redis had missed the sale's state");
      }
      const resized = await scripts.resize(couponId, sale.total, await highestSlot(tx, couponId));
      if (resized.code === "CHANGED") log.warn({ couponId, total: sale.total }, "Redis had missed the sale's total");
      if (resized.code === "CONFLICT") {
        const { smallestTotal } = resized;
        log.error({ couponId, total: sale.total, smallestTotal }, "Redis has given out slots beyond the sale's total");
      }
    });
  }

  #recover(lost: readonly LostSale[], stopping: AbortSignal): void {
    const { sql, log } = this.#deps;
    const ids = lost.map(({ couponId }) => couponId);
    for (const id of ids) this.#busy.add(id);
    const work = (held: readonly string[]) =>
      recover(
        this.#deps,
        lost.filter(({ couponId }) => held.includes(couponId)),
        stopping,
      );
    const recovery: Promise<void> = withLeases(sql, LEASES.saleLoader, ids, work)
      .then(() => {})
      .catch((error) => log.error({ sales: ids, ...failureCode(error) }, "a recovery failed and begins again"))
      .finally(() => {
        for (const id of ids) this.#busy.delete(id);
        this.#recoveries.delete(recovery);
      });
    this.#recoveries.add(recovery);
  }
}
