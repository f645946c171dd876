import { StampedeError } from "../contracts/wire/errors.ts";
import type { CouponId } from "../contracts/wire/ids.ts";
import { saleKeys } from "../lua/keys.ts";
import type { RedisConnection } from "../lua/redis.ts";
import type { RedisSale, StoredLedgerEntry, StoredWinner } from "./facts.ts";

// Enough to make a round trip worth it, little enough that one reply (~300 kB) holds Redis for about a millisecond.
const SCAN_COUNT = 2000;
// One LRANGE is one moment; only lists beyond this are read in pieces.
const FREED_AT_ONCE = 50_000;

/** Redis answered that a key has another type: a value was written over it. */
export function isRefusedByRedis(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const asked = error instanceof StampedeError && error.cause instanceof Error ? error.cause : error;
  return asked.message.startsWith("WRONGTYPE");
}

/** The sale's numbers, in one transaction; null if `:sale` is not there. */
export async function readRedisSale(redis: RedisConnection, couponId: CouponId): Promise<RedisSale | null> {
  const key = saleKeys(couponId);
  const replies = await redis
    .multi()
    .hmget(key.sale, "state", "total", "next", "epoch", "endsAt")
    .hlen(key.winners)
    .llen(key.freed)
    .xlen(key.ledger)
    .exec();
  if (replies === null) throw new Error("Redis discarded a read-only transaction");
  for (const [error] of replies) if (error) throw error;
  const [fields, winners, freed, ledger] = replies.map(([, reply]) => reply) as [
    (string | null)[],
    number,
    number,
    number,
  ];
  const [state, total, next, epoch, endsAt] = fields;
  if (state == null) return null;
  const numbers = { total: Number(total), next: Number(next), epoch: Number(epoch), endsAtMs: Number(endsAt) };
  return { state, ...numbers, winners, freed, ledger };
}

/** Redis's own time, milliseconds since 1970: ledger ids carry it. */
export async function readRedisTime(redis: RedisConnection): Promise<number> {
  const [seconds, micros] = (await redis.time()) as unknown as [string | number, string | number];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** Every winner, in pieces. HSCAN returns what was there from start to end; it may repeat an entry while it rehashes. */
export async function* scanWinners(redis: RedisConnection, couponId: CouponId): AsyncGenerator<StoredWinner[]> {
  for await (const pairs of scanHash(redis, saleKeys(couponId).winners)) {
    yield pairs.map(([userId, value]) => parseWinner(userId, value));
  }
}

/** Every request status, in pieces: [requestId, text]. */
export function scanStatuses(redis: RedisConnection, couponId: CouponId): AsyncGenerator<[string, string][]> {
  return scanHash(redis, saleKeys(couponId).status);
}

/** The ledger from its oldest entry on, in pieces. */
export async function* scanLedger(
  redis: RedisConnection,
  couponId: CouponId,
  nowMs: number,
): AsyncGenerator<StoredLedgerEntry[]> {
  const key = saleKeys(couponId).ledger;
  for (let from = "-"; ; ) {
    const entries = (await redis.xrange(key, from, "+", "COUNT", SCAN_COUNT)) as [string, string[]][];
    if (entries.length === 0) return;
    yield entries.map(([id, fields]) => parseEntry(id, fields, nowMs));
    if (entries.length < SCAN_COUNT) return;
    from = `(${entries.at(-1)![0]}`;
  }
}

/** Freed slots as listed, duplicates included; null for what is no number. */
export async function readFreed(redis: RedisConnection, couponId: CouponId): Promise<(number | null)[]> {
  const key = saleKeys(couponId).freed;
  const slots: (number | null)[] = [];
  for (let at = 0; ; at += FREED_AT_ONCE) {
    const piece = await redis.lrange(key, at, at + FREED_AT_ONCE - 1);
    for (const text of piece) slots.push(toSlot(text));
    if (piece.length < FREED_AT_ONCE) return slots;
  }
}

/** The winners among `userIds`. */
export async function findWinners(
  redis: RedisConnection,
  couponId: CouponId,
  userIds: string[],
): Promise<StoredWinner[]> {
  const found = await pick(redis, saleKeys(couponId).winners, userIds);
  return [...found].map(([userId, value]) => parseWinner(userId, value));
}

/** The statuses of `requestIds`, of those that have one. */
export function findStatuses(redis: RedisConnection, couponId: CouponId, requestIds: string[]) {
  return pick(redis, saleKeys(couponId).status, requestIds);
}

async function pick(redis: RedisConnection, key: string, fields: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let at = 0; at < fields.length; at += SCAN_COUNT) {
    const piece = fields.slice(at, at + SCAN_COUNT);
    const values = await redis.hmget(key, ...piece);
    piece.forEach((field, i) => {
      const value = values[i];
      if (value != null) found.set(field, value);
    });
  }
  return found;
}

async function* scanHash(redis: RedisConnection, key: string): AsyncGenerator<[string, string][]> {
  let cursor = "0";
  do {
    const [next, flat] = await redis.hscan(key, cursor, "COUNT", SCAN_COUNT);
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!]);
    if (pairs.length > 0) yield pairs;
    cursor = next;
  } while (cursor !== "0");
}

function parseWinner(userId: string, value: string): StoredWinner {
  const space = value.indexOf(" ");
  return space < 0
    ? { userId, slot: null, requestId: "" }
    : { userId, slot: toSlot(value.slice(0, space)), requestId: value.slice(space + 1) };
}

function parseEntry(ledgerId: string, fields: string[], nowMs: number): StoredLedgerEntry {
  const value = (name: string) => fields[fields.indexOf(name) + 1] ?? "";
  const ageMs = nowMs - Number(ledgerId.slice(0, ledgerId.indexOf("-")));
  return { ledgerId, userId: value("u"), requestId: value("r"), slot: toSlot(value("s")), ageMs };
}

/** A slot that PostgreSQL can hold, or null. */
function toSlot(text: string): number | null {
  return /^-?\d{1,9}$/.test(text) ? Number(text) : null;
}
