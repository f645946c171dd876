import { createRenewedAdmin, type LagReader } from "../../consumers/renewed-admin.ts";
import { type Check, mergeVerdicts, type Verdict, type VerifyReport } from "./check.ts";
import { connect, type Services, type VerifyEnvironment } from "./connect.ts";
import { printReport } from "./print.ts";
import { checkPending, listQueuedSales, type QueuedSale } from "./queued-sales.ts";
import { listSales } from "./rows-reader.ts";
import { createStage } from "./staging.ts";
import type { Sources } from "./survey.ts";
import { checkDeadLetters, checkLag, checkRevocations, type Group } from "./system-checks.ts";
import { findUnconsumed } from "./unconsumed.ts";
import { verifySale } from "./verify-sale.ts";

export interface Readers {
  readonly requests: Group;
  readonly claims: Group;
  readonly news: Group;
}

export interface VerifyOptions {
  /** Only this sale; without it all of them. */
  readonly couponId?: string;
  /** Pause before suspects are read again, milliseconds. Default 1,000. */
  readonly recheckMs?: number;
  /** Age from which a ledger entry is stuck while consumers run. Default 30,000: the relay takes entries after 5 s. */
  readonly stuckMs?: number;
  /** How long a group that is behind may stand still. Default 5,000. */
  readonly patienceMs?: number;
  /** Whether consumers run; asked at their health address when absent. */
  readonly consumersUp?: boolean;
  /** The consumer groups; default those of the product. */
  readonly readers?: Readers;
}

/** Who reads the log: requests to decide, claims to persist, and facts to tell. */
const READERS: Readers = {
  requests: { groupId: "coupon-decide", topics: ["coupon-requests"] },
  claims: { groupId: "coupon-persist", topics: ["coupon-issue-requests"] },
  news: { groupId: "notify", topics: ["coupon-events"] },
};

/** Reads everything and judges. Never throws for a service that is away: that is a failed check, `reachable`. */
export async function verify(env: VerifyEnvironment, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { services, missing, reached, close } = await connect(env);
  const verdicts: Verdict[] = [];
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

async function look(services: Services, options: VerifyOptions): Promise<Verdict[]> {
  const admin = createRenewedAdmin(services.kafka);
  // A young Kafka has no coordinators yet, and librdkafka then misses that they come: the second time a new client asks.
  const groupLag: LagReader["groupLag"] = (...asked) => admin.groupLag(...asked).catch(() => admin.groupLag(...asked));
  try {
    return await lookAtAll(services, { ...admin, groupLag }, options);
  } finally {
    await admin.close();
  }
}

async function lookAtAll(services: Services, admin: LagReader, options: VerifyOptions): Promise<Verdict[]> {
  const { redis, sql, kafka } = services;
  const { couponId = null, patienceMs = 5_000, stuckMs = 30_000 } = options;
  const consumersUp = options.consumersUp ?? (await services.consumersUp());
  const { requests, claims, news } = options.readers ?? READERS;
  const sources: Sources = {
    redis,
    sql,
    stuckMs: consumersUp ? stuckMs : null,
    unconsumed: (ids) => findUnconsumed(kafka, claims.groupId, claims.topics[0]!, ids),
  };
  const undecided = (await admin.groupLag(requests.groupId, requests.topics)).reduce((sum, { lag }) => sum + lag, 0);
  const queued = await listQueuedSales(sql);
  const asked = queued.filter((sale) => couponId === null || sale.couponId === couponId);
  return [
    ...(await checkSales(sources, options)),
    await checkPending(redis, sql, asked, undecided, stuckMs),
    await checkDeadLetters(sql, couponId),
    await checkRevocations(sql, couponId, sources.stuckMs),
    await checkLag(admin, [requests, claims, news], consumersUp, patienceMs, mayStand(requests, queued)),
  ];
}

/** Requests of a paused sale wait, and their group with them. */
function mayStand({ groupId }: Group, queued: readonly QueuedSale[]): ReadonlyMap<string, string> {
  const waiting = queued.filter(({ waits }) => waits).map(({ couponId }) => couponId);
  const names = waiting.slice(0, 3).join(", ");
  return new Map(
    waiting.length === 0 ? [] : [[groupId, `(sale ${names} is paused or being rebuilt: its requests wait)`]],
  );
}

/**
 * `./dev verify`: prints the report.
 * @returns the exit code: 0 when every promise holds, else 1
 */
export async function runVerify(
  env: VerifyEnvironment,
  options: { json?: boolean; couponId?: string } = {},
): Promise<0 | 1> {
  const report = await verify(env, options);
  console.log(options.json ? JSON.stringify(report) : printReport(report));
  return report.ok ? 0 : 1;
}

/** The named check of a report. */
export function findCheck(report: VerifyReport, name: Check["name"]): Check | undefined {
  return report.checks.find((check) => check.name === name);
}

async function checkSales(sources: Sources, { couponId, recheckMs = 1000 }: VerifyOptions): Promise<Verdict[]> {
  await createStage(sources.sql);
  const verdicts: Verdict[] = [];
  for (const sale of await listSales(sources.sql, couponId ?? null)) {
    verdicts.push(...(await verifySale(sources, sale, recheckMs)));
  }
  return verdicts;
}
