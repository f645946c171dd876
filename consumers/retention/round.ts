import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Sql } from "../../db/client.ts";
import { countExpired, oldestOf, takeExpired } from "../../db/retention/expired-rows.ts";
import {
  type EndedPlace,
  type EndedSaleRow,
  type LeavingSale,
  leaveRedis,
  listEndedSales,
  oldestEndedSale,
} from "../../db/sales/leave.ts";
import { type Forgetting, forgetSale } from "../../lua/forget-sale.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { pause } from "../engine/pause.ts";
import { type RetentionSetting, ROW_RULES, type RowRule } from "./rules.ts";

export interface RetentionDeps {
  readonly sql: Sql;
  readonly redis: RedisConnection;
  /** Whether requests of queued sales wait in the log, of whichever sale. */
  readonly requestsWait: () => Promise<boolean>;
  /** Days, and for SALE_KEEP_HOURS hours. */
  readonly settings: Readonly<Record<RetentionSetting, number>>;
  readonly log: Log;
  readonly observe: RetentionObserver;
}

export interface RetentionObserver {
  deleted(kind: string, rows: number): void;
  /** When the oldest thing that stays began; null: nothing is there. */
  oldest(kind: string, at: Date | null): void;
  /** Ended sales that Redis keeps because PostgreSQL lacks something of them. */
  stuckSales(sales: number): void;
}

/** Rows that one transaction takes. */
const BATCH = 500;
/** Pause between two batches, so that other work on the same tables goes first. */
const REST_MS = 50;
const SALES_PAGE = 100;
/** A dry run counts so far. */
const COUNT_LIMIT = 1_000_000;

/** Why an ended sale stays in Redis; BROKEN: a key of it is of another type than it should be. */
type Stays = Exclude<Forgetting, "FORGOTTEN"> | "BROKEN";

/** After so many sales without an answer from Redis a round leaves the rest to the next one. */
const MAX_AWAY = 20;

/** What one kind lost, or would lose. */
export interface KindReport {
  readonly kind: string;
  readonly rows: number;
  readonly oldest: Date | null;
}

/**
 * One round: everything that has been kept long enough goes, in small transactions with a rest between them. What fails
 * (a busy table, a Redis that is away) is told and met by the next round; the other kinds go on.
 */
export async function retain(deps: RetentionDeps, stopping: AbortSignal): Promise<KindReport[]> {
  const reports: KindReport[] = [];
  const kinds: (readonly [string, () => Promise<KindReport>])[] = [
    ["ended-sales", () => forgetEndedSales(deps, stopping)],
    ...ROW_RULES.map((rule) => [rule.kind, () => takeRows(deps, rule, stopping)] as const),
  ];
  for (const [kind, work] of kinds) {
    if (stopping.aborted) break;
    try {
      const report = await work();
      deps.observe.oldest(kind, report.oldest);
      reports.push(report);
    } catch (error) {
      deps.log.error({ role: "retention", kind, ...failureCode(error) }, "something stays until the next round");
    }
  }
  const gone = reports.filter(({ rows }) => rows > 0).map(({ kind, rows }) => [kind, rows]);
  if (gone.length > 0) deps.log.info({ role: "retention", ...Object.fromEntries(gone) }, "retention: a round is done");
  return reports;
}

async function takeRows(deps: RetentionDeps, rule: RowRule, stopping: AbortSignal): Promise<KindReport> {
  const { sql, settings, observe } = deps;
  let rows = 0;
  while (!stopping.aborted) {
    const taken = await takeExpired(sql, rule.rows, settings[rule.setting], BATCH);
    rows += taken;
    if (taken > 0) observe.deleted(rule.kind, taken);
    if (taken < BATCH) break;
    await pause(REST_MS, stopping);
  }
  return { kind: rule.kind, rows, oldest: await oldestOf(sql, rule.rows) };
}

async function forgetEndedSales(deps: RetentionDeps, stopping: AbortSignal): Promise<KindReport> {
  const { sql, settings, observe } = deps;
  const keepHours = settings.SALE_KEEP_HOURS;
  const stuck: { couponId: string; why: Stays }[] = [];
  let waiting = 0;
  let rows = 0;
  /** Of sales whose shard is away: the others go on, unless nothing answers at all. */
  const away: unknown[] = [];
  const mayForget = createMayForget(deps);
  let place: EndedPlace | null = null;
  while (!stopping.aborted) {
    const page: readonly EndedSaleRow[] = await listEndedSales(sql, keepHours, place, SALES_PAGE);
    for (const sale of page) {
      if (stopping.aborted) break;
      const { couponId } = sale;
      await mayForget.look(sale);
      const outcome = await forgetOne(deps, couponId as CouponId, keepHours, mayForget.allows).catch((error) => {
        if (!(error instanceof StampedeError && error.code === "REDIS_UNAVAILABLE")) throw error;
        if (away.push(error) >= MAX_AWAY) throw error;
        return null;
      });
      if (outcome === "FORGOTTEN") {
        rows++;
        observe.deleted("ended-sales", 1);
      } else if (outcome === "REQUESTS_WAIT") waiting++;
      else if (outcome !== null) stuck.push({ couponId, why: outcome });
    }
    if (page.length < SALES_PAGE) break;
    place = page.at(-1)!;
    await pause(REST_MS, stopping);
  }
  if (waiting > 0)
    deps.log.info({ role: "retention", sales: waiting }, "ended sales stay: their requests are not decided yet");
  observe.stuckSales(stuck.length);
  if (stuck.length > 0) {
    const first = stuck.slice(0, 5);
    deps.log.error(
      { role: "retention", sales: stuck.length, first },
      "ended sales stay in Redis: PostgreSQL lacks something",
    );
  }
  if (away.length > 0) throw away[0];
  return { kind: "ended-sales", rows, oldest: await oldestEndedSale(sql) };
}

type RebuiltSale = Pick<LeavingSale, "mode" | "epoch">;

/**
 * When Redis lost a queued sale, it also lost which users have an undecided request. So a rebuilt queued sale may leave only after
 * role coupon-decide has once settled the whole log. An ended sale takes no new requests, so once is enough.
 */
function createMayForget({ requestsWait, log }: RetentionDeps) {
  const wasRebuilt = ({ mode, epoch }: RebuiltSale) => mode === "QUEUED" && epoch > 1;
  let isThrough: boolean | undefined;
  return {
    /** Asks Kafka, at most once a round, and before the sale's row is locked. */
    async look(sale: RebuiltSale): Promise<void> {
      if (isThrough !== undefined || !wasRebuilt(sale)) return;
      isThrough = await requestsWait().then(
        (wait) => !wait,
        (error) => {
          log.warn({ role: "retention", ...failureCode(error) }, "queued sales stay until Kafka says what is decided");
          return false;
        },
      );
    },
    allows: (sale: RebuiltSale): boolean => !wasRebuilt(sale) || isThrough === true,
  };
}

/**
 * null: another process holds the sale's lock now. A sale whose keys are broken stays, and the other sales go on.
 * @throws when Redis or PostgreSQL is away
 */
async function forgetOne(
  deps: RetentionDeps,
  couponId: CouponId,
  keepHours: number,
  allows: (sale: RebuiltSale) => boolean,
): Promise<Stays | "FORGOTTEN" | null> {
  return leaveRedis<Stays>(deps.sql, couponId, keepHours, async (sale) => {
    if (!allows(sale)) return "REQUESTS_WAIT";
    try {
      return await forgetSale(deps.redis, { ...sale, couponId });
    } catch (error) {
      if (error instanceof StampedeError && error.code === "INTERNAL") return "BROKEN";
      throw error;
    }
  });
}

/** What a round would take now, without taking anything. */
export async function previewRetention(deps: Pick<RetentionDeps, "sql" | "settings">): Promise<KindReport[]> {
  const { sql, settings } = deps;
  const sales = await listEndedSales(sql, settings.SALE_KEEP_HOURS, null, COUNT_LIMIT);
  const reports: KindReport[] = [{ kind: "ended-sales", rows: sales.length, oldest: await oldestEndedSale(sql) }];
  for (const { kind, rows, setting } of ROW_RULES) {
    const count = await countExpired(sql, rows, settings[setting], COUNT_LIMIT);
    reports.push({ kind, rows: count, oldest: await oldestOf(sql, rows) });
  }
  return reports;
}
