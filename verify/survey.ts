import type { CouponId } from "../contracts/wire/ids.ts";
import type { Sql } from "../db/client.ts";
import type { RedisConnection } from "../lua/redis.ts";
import { isLoaded } from "./check-sale.ts";
import type { SaleFacts, StoredLedgerEntry, StoredSale } from "./facts.ts";
import {
  findWinners,
  readFreed,
  readRedisSale,
  readRedisTime,
  scanLedger,
  scanStatuses,
  scanWinners,
} from "./redis-reader.ts";
import { countSale, MAX_SUSPECTS, type Suspect, sift, unknownRows } from "./sieve.ts";
import { analyzeStage, clearStage, stageFreed, stageLedger, stageStatuses, stageWinners } from "./staging.ts";

/** Where one sale is read from. `sql` has a single connection (staging.ts). */
export interface Sources {
  readonly redis: RedisConnection;
  readonly sql: Sql;
  /** Age from which a ledger entry is stuck, milliseconds; null: no consumer runs. */
  readonly stuckMs: number | null;
  /** Which of these requests wait in the log, not yet reached by the persisting group. */
  readonly unconsumed: (requestIds: readonly string[]) => Promise<ReadonlySet<string>>;
}

export interface Survey {
  /** Whole-sale numbers; nothing about single users. */
  readonly facts: SaleFacts;
  readonly suspects: Suspect[];
}

/**
 * First look at a whole sale: brings Redis's side to PostgreSQL and sifts there. Order matters while the system runs:
 * winners and statuses, then the ledger, then PostgreSQL. A claim enters winners and ledger together and leaves the
 * ledger after its row is committed, so a winner seen first and found in neither place later is lost, not late.
 */
export async function survey(sources: Sources, sale: StoredSale): Promise<Survey> {
  const { redis, sql } = sources;
  await clearStage(sql);
  const nowMs = await readRedisTime(redis);
  const inRedis = await readRedisSale(redis, sale.couponId);
  const compare = isLoaded({ sale, redis: inRedis });
  let statuses = 0;
  if (compare) {
    await stageWinners(sql, scanWinners(redis, sale.couponId));
    statuses = await stageStatuses(sql, scanStatuses(redis, sale.couponId));
  }
  const stuck: Suspect[] = [];
  await stageLedger(sql, notingStuck(scanLedger(redis, sale.couponId, nowMs), sources.stuckMs, stuck));
  const freed = compare ? await readFreed(redis, sale.couponId) : [];
  await stageFreed(sql, freed);
  const nextAfter = (await readRedisSale(redis, sale.couponId))?.next ?? 0;
  await analyzeStage(sql);
  const { counts, suspects } = await sql.begin("isolation level repeatable read", async (tx) => ({
    counts: await countSale(tx, sale.couponId),
    suspects: [
      ...(await sift(tx, sale.couponId, compare ? inRedis!.next : 0, nextAfter)),
      ...(compare ? await strangers(redis, sale.couponId, unknownRows(tx, sale.couponId)) : []),
    ],
  }));
  const facts: SaleFacts = {
    sale,
    redis: inRedis,
    nextAfter,
    counts,
    examined: { ...counts, statuses },
    nowMs: Date.now(),
    rows: [],
    aliases: [],
    winners: [],
    freed: [],
    ledger: [],
    statuses: new Map(),
    unconsumed: new Set(),
    revoking: new Set(),
    slots: [],
    stuckMs: sources.stuckMs,
  };
  return { facts, suspects: [...stuck, ...(freed.includes(null) ? [UNREADABLE] : []), ...suspects] };
}

/** A freed slot that is no number: it names no user, and the sale must be read again. */
const UNREADABLE: Suspect = { userId: null, requestId: null, slot: null };

/** Rows that Redis still does not know when asked again: in a rush nearly all of them are winners of this minute. */
async function strangers(
  redis: RedisConnection,
  couponId: CouponId,
  pieces: AsyncIterable<readonly unknown[]>,
): Promise<Suspect[]> {
  const found: Suspect[] = [];
  for await (const piece of pieces as AsyncIterable<Suspect[]>) {
    const known = await findWinners(redis, couponId, piece.map((row) => row.userId!)); // biome-ignore format: one line
    const users = new Set(known.map((winner) => winner.userId));
    for (const row of piece) if (!users.has(row.userId!) && found.length < MAX_SUSPECTS) found.push(row);
  }
  return found;
}

async function* notingStuck(pieces: AsyncIterable<StoredLedgerEntry[]>, stuckMs: number | null, stuck: Suspect[]) {
  for await (const piece of pieces) {
    for (const { ageMs, userId, requestId, slot } of piece) {
      if (stuckMs !== null && ageMs > stuckMs && stuck.length < MAX_SUSPECTS) stuck.push({ userId, requestId, slot });
    }
    yield piece;
  }
}
