import { slotOrEpoch } from "../contracts/claims/claim-numbers.ts";
import { type CouponId, isRequestId, isUserId, type RequestId, type UserId } from "../contracts/wire/ids.ts";
import { commandAt } from "./commands.ts";
import { saleKeys } from "./keys.ts";
import { LedgerAges } from "./ledger-ages.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** A claim that Redis granted and PostgreSQL may not have. */
export interface LedgerEntry {
  readonly ledgerId: string;
  readonly userId: UserId;
  readonly requestId: RequestId;
  /** 0, also for the epoch: not usable, because the sale's keys were overwritten. The claim is decided again. */
  readonly slot: number;
  readonly epoch: number;
  /** The claim goes through the ledger alone. Absent: it was also sent to Kafka. */
  readonly pipeline?: "redis";
}

export interface LedgerPage {
  readonly entries: readonly LedgerEntry[];
  /** Entries that are no claims. They are never deleted. */
  readonly malformed: readonly string[];
  /** Pass as `after` to read on; null when there is nothing older than asked for. */
  readonly next: string | null;
}

export interface LedgerRange {
  /** See LedgerAges. 0: all. */
  readonly olderThanMs: number;
  readonly count: number;
  /** Ledger id to read on after. */
  readonly after?: string;
}

/**
 * Reads the oldest entries of a sale's ledger, without removing them.
 * @param ages what the same reader has seen before; without it, entries with ids in the future of Redis' clock count as young
 * @throws StampedeError REDIS_UNAVAILABLE
 */
export async function readLedger(
  redis: RedisConnection,
  couponId: CouponId,
  range: LedgerRange,
  ages: LedgerAges = new LedgerAges(),
): Promise<LedgerPage> {
  const { ledger } = saleKeys(couponId);
  const from = range.after === undefined ? "-" : `(${range.after}`;
  const [time, found] = await Promise.all([
    commandAt(redis, ledger, "time") as Promise<[string, string]>,
    redis.xrange(ledger, from, "+", "COUNT", range.count),
  ]).catch(rethrow);
  const redisMs = Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000);
  const ids = found.map(([id]) => id);
  const old = found.slice(0, ages.oldest(ledger, ids, redisMs, range.olderThanMs));
  const entries: LedgerEntry[] = [];
  const malformed: string[] = [];
  for (const [id, fields] of old) {
    const entry = parseLedgerEntry(id, fields);
    if (entry) entries.push(entry);
    else malformed.push(id);
  }
  return { entries, malformed, next: old.length === range.count ? old.at(-1)![0] : null };
}

const SEARCH_PAGE = 1_000;

/** The ledger's entry of a request; null: none. May read the whole ledger. @throws StampedeError REDIS_UNAVAILABLE */
export async function findInLedger(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
): Promise<LedgerEntry | null> {
  let range: LedgerRange = { olderThanMs: 0, count: SEARCH_PAGE };
  for (;;) {
    const { entries, next } = await readLedger(redis, couponId, range);
    const found = entries.find((entry) => entry.requestId === requestId);
    if (found !== undefined) return found;
    if (next === null) return null;
    range = { ...range, after: next };
  }
}

/** null: these are not the fields of a claim, and its user is not known. */
export function parseLedgerEntry(ledgerId: string, fields: readonly string[]): LedgerEntry | null {
  const values: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) values[fields[i]!] = fields[i + 1]!;
  const { u: userId = "", r: requestId = "" } = values;
  if (!isUserId(userId) || !isRequestId(requestId)) return null;
  const slot = slotOrEpoch(Number(values.s));
  const epoch = slotOrEpoch(Number(values.e));
  const entry = { ledgerId, userId, requestId, slot, epoch };
  return values.p === "redis" ? { ...entry, pipeline: "redis" } : entry;
}

/** Entries of a sale's ledger. @throws StampedeError REDIS_UNAVAILABLE */
export function ledgerLength(redis: RedisConnection, couponId: CouponId): Promise<number> {
  return redis.xlen(saleKeys(couponId).ledger).catch(rethrow);
}
