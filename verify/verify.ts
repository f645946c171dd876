import { type GroupId, groupOf } from "../contracts/groups.ts";
import { STEP_GROUPS } from "../contracts/orders/steps.ts";
import type { Kafka } from "../kafka/kafka.ts";
import { createRenewedAdmin, type LagReader } from "../kafka/renewed-admin.ts";
import { retry } from "../kafka/retry.ts";
import { type Check, type CheckResult, mergeVerdicts, type VerifyReport } from "./check.ts";
import { connect, type Services, type VerifyEnvironment } from "./connect.ts";
import { checkDeadLetters } from "./dead-letters.ts";
import { checkOrders } from "./orders/check-orders.ts";
import { type CheckedQueuedSale, checkPending, listQueuedSales } from "./queued-sales.ts";
import { isRefusedByRedis } from "./redis-reader.ts";
import { findLostSales, listSales } from "./rows-reader.ts";
import { createStage } from "./staging.ts";
import type { Sources } from "./survey.ts";
import { checkDeferredClaims, checkLag, checkRevocations, type Group } from "./system-checks.ts";
import { findUnconsumed } from "./unconsumed.ts";
import { verifySale } from "./verify-sale.ts";

export interface Readers {
  readonly requests: Group;
  readonly claims: Group;
  readonly news: Group;
  /** Orders that were placed. */
  readonly placed: Group;
  /** All groups that work on orders; their lag is checked while an order is open. */
  readonly orders: readonly Group[];
}

export interface VerifyOptions {
  /** Only this sale; without it all of them, and all orders. */
  readonly couponId?: string;
  /** Pause before suspects are read again, milliseconds. Default 1,000. */
  readonly recheckMs?: number;
  /** Age from which a ledger entry is stuck while consumers run. Default 30,000: the relay takes entries after 5 s. */
  readonly stuckMs?: number;
  /** How long a group that is behind may stand still. Default 5,000. */
  readonly patienceMs?: number;
  /** How long after ORDER_SETTLE_S an order is overdue. Default 60,000: its compensation takes a moment, too. */
  readonly graceMs?: number;
  /** Whether consumers run; asked at their health address when absent. */
  readonly consumersUp?: boolean;
  /** The consumer groups; default those of the product. */
  readonly readers?: Readers;
}

/** All groups that must move on while an order is open. */
const ORDER_GROUPS = (["order-saga", ...Object.values(STEP_GROUPS)] as const).map(
  (id): Group => ({ ...groupOf(id), together: true }),
);

/** The groups that decide requests, persist claims, tell facts and advance orders. */
const READERS: Readers = {
  requests: groupOf("coupon-decide"),
  claims: groupOf("coupon-persist"),
  news: groupOf("notify"),
  placed: { groupId: "order-saga" satisfies GroupId, topics: ["order-events"] },
  orders: ORDER_GROUPS,
};

/**
 * Reads all three services and judges what they hold. A service that does not answer is a failed check, `reachable`; this
 * never throws.
 * @param kafka the client of the runtime that this process is on
 */
export async function verify(env: VerifyEnvironment, kafka: Kafka, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { services, missing, reached, close } = await connect(env, kafka);
  const verdicts: CheckResult[] = [];
  const away = [...missing];
  try {
    if (services !== null) verdicts.push(...(await look(services, options)));
  } catch (error) {
    away.push(`the check was interrupted: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await close();
  }
  verdicts.push({ name: "reachable", violations: away, examined: reached, note: away.join("; ") || undefined });
  const checks = mergeVerdicts(verdicts);
  return { ok: checks.every((check) => check.ok), checks };
}

/** A Kafka that has just started, or was away for a moment, first looks for the coordinator of a group. */
const COORDINATING = { forMs: 15_000, everyMs: 250 };

async function look(services: Services, options: VerifyOptions): Promise<CheckResult[]> {
  const admin = createRenewedAdmin(services.kafka);
  // A new client asks each time, because librdkafka may not notice that the group has a coordinator by now.
  const groupLag: LagReader["groupLag"] = (...asked) => retry(() => admin.groupLag(...asked), COORDINATING);
  try {
    return await lookAtAll(services, { ...admin, groupLag }, options);
  } finally {
    await admin.close();
  }
}

async function lookAtAll(services: Services, admin: LagReader, options: VerifyOptions): Promise<CheckResult[]> {
  const { redis, sql, kafka } = services;
  const { couponId = null, patienceMs = 5_000, stuckMs = 30_000, recheckMs = 1_000, graceMs = 60_000 } = options;
  const consumersUp = options.consumersUp ?? (await services.consumersUp());
  const { requests, claims, news, placed, orders: workers } = options.readers ?? READERS;
  const sources: Sources = {
    redis,
    sql,
    stuckMs: consumersUp ? stuckMs : null,
    unconsumed: (ids) => findUnconsumed(kafka, claims.groupId, claims.topics[0]!, ids),
  };
  const behind = async ({ groupId, topics }: Group) =>
    (await admin.groupLag(groupId, topics)).reduce((sum, { lag }) => sum + lag, 0);
  const undecided = await behind(requests);
  const queued = await listQueuedSales(sql);
  const asked = queued.filter((sale) => couponId === null || sale.couponId === couponId);
  const sales = await checkSales(sources, { couponId, recheckMs });
  const about = { ...sources, url: services.providerUrl, patienceMs, recheckMs, graceMs };
  const orders = couponId === null ? await checkOrders({ ...about, unread: () => behind(placed) }) : NO_ORDERS;
  const groups = [requests, claims, news, ...(orders.open ? workers : [])];
  return [
    ...sales,
    ...orders.verdicts,
    await checkPending(redis, sql, asked, undecided, stuckMs),
    ...(await checkDeadLetters(sql, couponId, sources.stuckMs)),
    await checkDeferredClaims(sql, couponId, sources.stuckMs),
    await checkRevocations(sql, couponId, sources.stuckMs),
    await checkLag(admin, groups, consumersUp, patienceMs, mayStand(requests, queued)),
  ];
}

const NO_ORDERS = { open: false, verdicts: [] };

/** Requests of a paused sale wait, and their group with them. */
function mayStand({ groupId }: Group, queued: readonly CheckedQueuedSale[]): ReadonlyMap<string, string> {
  const waiting = queued.filter(({ waits }) => waits).map(({ couponId }) => couponId);
  const names = waiting.slice(0, 3).join(", ");
  return new Map(
    waiting.length === 0 ? [] : [[groupId, `(sale ${names} is paused or being rebuilt: its requests wait)`]],
  );
}

/** The named check of a report. */
export function findCheck(report: VerifyReport, name: Check["name"]): Check | undefined {
  return report.checks.find((check) => check.name === name);
}

interface Wanted {
  readonly couponId: string | null;
  readonly recheckMs: number;
}

async function checkSales(sources: Sources, { couponId, recheckMs }: Wanted): Promise<CheckResult[]> {
  await createStage(sources.sql);
  const verdicts: CheckResult[] = [];
  const sales = await listSales(sources.sql, couponId);
  const unreadable: string[] = [];
  for (const sale of sales) {
    try {
      verdicts.push(...(await verifySale(sources, sale, recheckMs)));
    } catch (error) {
      if (!isRefusedByRedis(error)) throw error;
      unreadable.push(`sale ${sale.couponId}: ${error.message}`);
    }
  }
  verdicts.push({ name: "sale-readable", violations: unreadable, examined: sales.length });
  const lost = couponId === null ? await findLostSales(sources.sql) : sales.length === 0 ? [couponId] : [];
  const violations = lost.map((id) => `there is no sale ${id}`);
  return [...verdicts, { name: "sale-known", violations, examined: sales.length }];
}
