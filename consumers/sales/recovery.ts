import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Sql } from "../../db/client.ts";
import { beginRecovery, expectReopening, neverClaimed } from "../../db/sales/recover.ts";
import type { LoadState } from "../../db/schema.ts";
import type { SaleLoading } from "../../lua/sale-loading.ts";
import { ConcurrencyLimit } from "../engine/concurrency-limit.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { pause } from "../engine/pause.ts";
import { loadSale } from "./load-sale.ts";
import { Announcements } from "./reopening-announcements.ts";
import { type DrainLog, SharedDrain } from "./shared-drain.ts";

export interface LostSale {
  readonly couponId: CouponId;
  /** As PostgreSQL showed it when the loss was noticed. */
  readonly epoch: number;
  readonly loadState: LoadState;
  /** A queued sale: its claims do not come through the topic of claims, so the recovery need not wait for that. */
  readonly queued: boolean;
  /** As Redis showed it; 0: Redis has nothing. */
  readonly redisEpoch: number;
  /** Redis shows the fence of that epoch and has decided no claim since. */
  readonly isFenced: boolean;
  readonly why: string;
}

export interface RecoveryDeps {
  readonly sql: Sql;
  readonly loading: SaleLoading;
  /** Writes the claims that the sale's ledger holds into PostgreSQL. */
  readonly persistLedger: (
    couponId: CouponId,
  ) => Promise<{ readonly held: number; readonly entries: number; readonly refused: number }>;
  readonly drain: DrainLog;
  /** Milliseconds after which no gateway's producer tries to deliver a claim any more. */
  readonly messageTimeoutMs: number;
  readonly log: Log;
  readonly recovered: (seconds: number) => void;
}

interface Fenced extends LostSale {
  readonly newEpoch: number;
  /** By the monotonic clock. */
  readonly fencedAt: number;
}

/** Milliseconds that drain and load take at least, in addition to the wait. */
const LOAD_MS = 300;

/** Sales that are fenced, or loaded, at the same time. */
const AT_ONCE = 8;
/** Ledgers that are persisted at the same time. A ledger may be long, so it has a separate limit from the fences and loads. */
const LEDGERS_AT_ONCE = 4;

/**
 * Rebuilds sales whose state in Redis is lost or in doubt, without losing a claim:
 * 1. Fence: a new epoch and RECOVERING, in PostgreSQL and in Redis.
 * 2. Persist the ledger that Redis still has.
 * 3. Wait until no claim of the old epoch can reach the log any more (message.timeout.ms after the fence), then until everything
 *    in the log is persisted.
 * 4. Load the sale (loadSale).
 * A queued sale needs no step 3: no gateway sends its claims, and what role coupon-decide is deciding is persisted before the
 * snapshot, or decided again after it (EPOCH_PASSED). A sale that cannot have been claimed needs neither step 2 nor step 3.
 * Each sale goes through the steps alone; only the wait for the log is shared. A sale whose step fails keeps its fence. The next
 * look continues after the fence, or begins again with a higher epoch if the fence is gone.
 */
export class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #fences = new ConcurrencyLimit(AT_ONCE);
  readonly #ledgers = new ConcurrencyLimit(LEDGERS_AT_ONCE);
  readonly #loads = new ConcurrencyLimit(AT_ONCE);
  readonly #drain: SharedDrain;
  /** Tells clients when to come back. A wrong time costs them one more request. */
  readonly #announcements: Announcements;
  /** Sales whose step failed after a fence of this process. */
  readonly #fenced = new Map<CouponId, Fenced>();

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    this.#drain = new SharedDrain(deps.drain);
    this.#announcements = new Announcements(
      (couponId, epoch, inMs) => expectReopening(deps.sql, couponId, epoch, inMs),
      (couponId, error) => deps.log.warn({ couponId, ...failureCode(error) }, "recovery: its end is not announced"),
    );
  }

  /** @throws the error of PostgreSQL, Redis or Kafka; the sale stays closed until the next try */
  async recover(sale: LostSale, stopping: AbortSignal): Promise<void> {
    const { sql, persistLedger, log } = this.#deps;
    const { couponId } = sale;
    const startedAt = performance.now();
    const fenced = await this.#fences.run(() => this.#fence(sale));
    if (fenced === null) return;
    const isNew = (await neverClaimed(sql, [couponId])).has(couponId);
    if (!isNew) {
      const { held, entries, refused } = await this.#ledgers.run(() => persistLedger(couponId));
      const level = refused > 0 ? "error" : "info";
      log[level]({ couponId, held, entries, refused }, "recovery: the ledger is persisted");
      if (!sale.queued && !(await this.#waitForLog(fenced, stopping))) return;
    }
    await this.#loads.run(() => this.#load(fenced, startedAt));
    this.#fenced.delete(couponId);
  }

  async #fence(sale: LostSale): Promise<Fenced | null> {
    const { sql, loading, messageTimeoutMs, log } = this.#deps;
    const { couponId, epoch, redisEpoch, why, queued } = sale;
    const before = this.#fenced.get(couponId);
    const stands = sale.isFenced && redisEpoch === epoch && sale.loadState === "RECOVERING";
    if (before !== undefined && before.newEpoch === epoch && stands) return before;
    this.#fenced.delete(couponId);
    const opensInMs = (queued ? 0 : messageTimeoutMs) + LOAD_MS;
    const newEpoch = await beginRecovery(sql, couponId, sale, redisEpoch, why, opensInMs);
    if (newEpoch === null) return null; // another loader was faster; the next look sees what it did
    // STALE_EPOCH: Redis has a higher epoch; the next look takes that into account.
    if ((await loading.fence(couponId, newEpoch)) === "STALE_EPOCH") return null;
    // A key was overwritten, which may happen again, so an operator should look at it.
    const level = why.startsWith("BROKEN") ? "error" : "warn";
    log[level]({ couponId, epoch: newEpoch, why }, "recovery: the sale is fenced");
    const fenced = { ...sale, newEpoch, fencedAt: performance.now() };
    this.#fenced.set(couponId, fenced);
    return fenced;
  }

  /** @returns false when `stopping` ended it */
  async #waitForLog(sale: Fenced, stopping: AbortSignal): Promise<boolean> {
    const { couponId, newEpoch } = sale;
    const quietAt = sale.fencedAt + this.#deps.messageTimeoutMs;
    const expect = (inMs: number) => this.#announcements.expect(couponId, newEpoch, inMs + LOAD_MS);
    expect(quietAt - performance.now());
    await pause(Math.max(0, quietAt - performance.now()), stopping);
    if (stopping.aborted) return false;
    this.#deps.log.info({ couponId }, "recovery: waiting until the log is persisted");
    return await this.#drain.join(stopping, expect);
  }

  async #load({ couponId, newEpoch, why }: Fenced, startedAt: number): Promise<void> {
    const outcome = await loadSale(this.#deps.sql, this.#deps.loading, couponId, newEpoch, "RECOVERING");
    const seconds = (performance.now() - startedAt) / 1_000;
    this.#deps.log.info({ couponId, epoch: newEpoch, why, seconds, outcome }, "recovery: done");
    if (outcome === "LOADED") this.#deps.recovered(seconds);
  }
}
