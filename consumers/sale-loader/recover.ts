import type { CouponId } from "../../contracts/ids.ts";
import type { Sql } from "../../db/client.ts";
import { beginRecovery } from "../../db/queries/begin-recovery.ts";
import { expectReopening } from "../../db/queries/expect-reopening.ts";
import { neverClaimed } from "../../db/queries/never-claimed.ts";
import type { LoadState } from "../../db/schema.ts";
import type { SaleLoading } from "../../lua/sale-loading.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import { pause } from "../pause.ts";
import { loadSale } from "./load-sale.ts";

export interface LostSale {
  readonly couponId: CouponId;
  /** As PostgreSQL showed it when the loss was noticed. */
  readonly epoch: number;
  readonly loadState: LoadState;
  /** Its claims do not come through the claims' log, so nobody need wait for that. */
  readonly queued: boolean;
  /** As Redis showed it; 0 if it has nothing. */
  readonly redisEpoch: number;
  readonly why: string;
}

export interface RecoveryDeps {
  readonly sql: Sql;
  readonly loading: SaleLoading;
  /** Writes what the sale's ledger still holds into PostgreSQL. */
  readonly persistLedger: (couponId: CouponId) => Promise<{ readonly held: number; readonly entries: number }>;
  /**
   * Waits until the persisting group has committed what the log holds now; false: the process is stopping. `report` is told
   * about once a second how many milliseconds that will take yet.
   */
  readonly drain: (stopping: AbortSignal, report: (remainingMs: number) => void) => Promise<boolean>;
  /** Milliseconds after which no gateway's producer still tries to deliver a claim. */
  readonly messageTimeoutMs: number;
  readonly log: Log;
  readonly recovered: (seconds: number) => void;
}

interface Fenced extends LostSale {
  readonly newEpoch: number;
  readonly fencedAt: number;
}

/** What drain and load take at least, on top of the wait. */
const LOAD_MS = 300;

/** Sales that are fenced or loaded at the same time. */
const AT_ONCE = 8;

/** Runs `work` for all, a few at a time; a failure is logged and leaves that one out. */
async function forEach<T extends { readonly couponId: CouponId }, R>(
  sales: readonly T[],
  log: Log,
  step: string,
  work: (sale: T) => Promise<R | null>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = [...sales];
  const hand = async () => {
    for (let sale = queue.shift(); sale !== undefined; sale = queue.shift()) {
      try {
        const result = await work(sale);
        if (result !== null) results.push(result);
      } catch (error) {
        log.error({ couponId: sale.couponId, step, ...failureCode(error) }, "a recovery failed and begins again");
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  return results;
}

/**
 * Brings sales back whose state in Redis is lost or in doubt, without forgetting a single claim:
 * 1 fence: a new epoch, RECOVERING, here and in Redis. 2 persist the surviving ledgers. 3 wait until no claim of the old
 * epoch can come to the log any more (message.timeout.ms after the fence), then until all it holds is persisted. 4–6 load.
 * A queued sale needs no step 3: no gateway sends its claims, and what role coupon-decide has in hand is persisted before the
 * snapshot or decided again after it (EPOCH_PASSED).
 * All given sales share the one wait of step 3. A sale that falls out of a step keeps its fence, and the next look at it
 * begins again with a higher epoch.
 */
export async function recover(deps: RecoveryDeps, lost: readonly LostSale[], stopping: AbortSignal): Promise<void> {
  const { log } = deps;
  const startedAt = performance.now();
  const fenced = await forEach(lost, log, "fence", (sale) => fence(deps, sale));
  if (fenced.length === 0) return;
  const waiting: Fenced[] = [];
  const quiet: Fenced[] = [];
  await forEach(fenced, log, "ledger", async (sale) => {
    if (await neverClaimed(deps.sql, sale.couponId)) {
      quiet.push(sale);
      return null;
    }
    const { held, entries } = await deps.persistLedger(sale.couponId);
    log.info({ couponId: sale.couponId, held, entries }, "recovery: the ledger is persisted");
    (sale.queued ? quiet : waiting).push(sale);
    return null;
  });

  const load = (sales: readonly Fenced[]) =>
    forEach(sales, log, "load", async ({ couponId, newEpoch, why }) => {
      const outcome = await loadSale(deps.sql, deps.loading, couponId, newEpoch, "RECOVERING");
      const seconds = (performance.now() - startedAt) / 1_000;
      log.info({ couponId, epoch: newEpoch, why, seconds, outcome }, "recovery: done");
      if (outcome === "LOADED") deps.recovered(seconds);
      return null;
    });
  await load(quiet);
  if (waiting.length === 0) return;

  const quietAt = Math.max(...waiting.map(({ fencedAt }) => fencedAt)) + deps.messageTimeoutMs;
  const expect = (inMs: number) =>
    void forEach(waiting, log, "reopening", (sale) => sayReopening(deps.sql, sale, inMs));
  expect(quietAt - performance.now() + LOAD_MS);
  await pause(quietAt - performance.now(), stopping);
  log.info({ sales: waiting.length }, "recovery: waiting until the log is persisted");
  if (stopping.aborted || !(await deps.drain(stopping, (remainingMs) => expect(remainingMs + LOAD_MS)))) return;
  await load(waiting);
}

/** Beside the work, never in its way: clients are told when to come back, and a wrong word costs them a second question. */
async function sayReopening(sql: Sql, { couponId, newEpoch }: Fenced, inMs: number): Promise<null> {
  await expectReopening(sql, couponId, newEpoch, inMs);
  return null;
}

async function fence(deps: RecoveryDeps, sale: LostSale): Promise<Fenced | null> {
  const { couponId, redisEpoch, why, queued } = sale;
  const opensInMs = (queued ? 0 : deps.messageTimeoutMs) + LOAD_MS;
  const newEpoch = await beginRecovery(deps.sql, couponId, sale, redisEpoch, why, opensInMs);
  if (newEpoch === null) return null; // somebody else was faster; the next look sees what they did
  // STALE_EPOCH: Redis shows a still higher one; the next look takes that into account.
  if ((await deps.loading.fence(couponId, newEpoch)) === "STALE_EPOCH") return null;
  deps.log.warn({ couponId, epoch: newEpoch, why }, "recovery: the sale is fenced");
  return { ...sale, newEpoch, fencedAt: performance.now() };
}
