import type { CouponId } from "../contracts/wire/ids.ts";
import type { SaleFacts, StoredLedgerEntry, StoredSale } from "./facts.ts";
import { findStatuses, findWinners, readFreed, readRedisSale, readRedisTime, scanLedger } from "./redis-reader.ts";
import { findAliases, findRevoking, findRows } from "./rows-reader.ts";
import { countSale, type Suspect } from "./sieve.ts";
import { clearStage, stageLedger } from "./staging.ts";
import type { Sources } from "./survey.ts";

/**
 * Second look: everything about the suspects, and only about them, read again in the same order. A claim that was between two
 * steps at the first look has arrived by now.
 */
export async function secondLook(
  sources: Sources,
  sale: StoredSale,
  suspects: readonly Suspect[],
  examined: SaleFacts["examined"],
): Promise<SaleFacts> {
  const { redis, sql } = sources;
  const wanted = await widen(sources, sale.couponId, suspects);
  const nowMs = await readRedisTime(redis);
  const inRedis = await readRedisSale(redis, sale.couponId);
  const winners = await findWinners(redis, sale.couponId, [...wanted.users]);
  for (const winner of winners) if (winner.requestId !== "") wanted.requests.add(winner.requestId);
  const statuses = await findStatuses(redis, sale.couponId, [...wanted.requests]);
  const ledger: StoredLedgerEntry[] = [];
  await clearStage(sql);
  await stageLedger(sql, keeping(scanLedger(redis, sale.couponId, nowMs), ledger, (entry) =>
    wanted.users.has(entry.userId) || wanted.requests.has(entry.requestId) || wanted.slots.has(entry.slot ?? 0))); // biome-ignore format: fits
  const freed = await readFreed(redis, sale.couponId);
  const nextAfter = (await readRedisSale(redis, sale.couponId))?.next ?? 0;
  const found = await sql.begin("isolation level repeatable read", async (tx) => ({
    counts: await countSale(tx, sale.couponId),
    rows: await findRows(tx, sale.couponId, wanted),
    aliases: await findAliases(tx, wanted.requests),
    revoking: await findRevoking(tx, sale.couponId),
  }));
  const { rows } = found;
  // A slot may have gone to a new user meanwhile. Read after the rows: a user who has a row is a winner by then.
  const newcomers = rows.map((row) => row.userId).filter((userId) => !wanted.users.has(userId));
  winners.push(...(await findWinners(redis, sale.couponId, [...new Set(newcomers)])));
  const persisted = new Set(rows.map((row) => row.requestId));
  const inLedger = new Set(ledger.map((entry) => entry.requestId));
  const missing = winners.filter((winner) => !persisted.has(winner.requestId) && !inLedger.has(winner.requestId));
  const unconsumed = await sources.unconsumed(missing.map((winner) => winner.requestId));
  return {
    sale,
    redis: inRedis,
    nextAfter,
    counts: { active: found.counts.active, pending: found.counts.pending + unconsumed.size },
    examined,
    nowMs: Date.now(),
    rows,
    aliases: found.aliases,
    winners,
    freed,
    ledger,
    statuses,
    unconsumed,
    revoking: found.revoking,
    slots: wanted.slots,
    stuckMs: sources.stuckMs,
  };
}

/** Whom a suspicion touches: the users of suspicious slots and requests too, and every request of those users. */
async function widen({ sql }: Sources, couponId: CouponId, suspects: readonly Suspect[]) {
  const users = new Set<string>();
  const requests = new Set<string>();
  const slots = new Set<number>();
  for (const { userId, requestId, slot } of suspects) {
    if (userId !== null) users.add(userId);
    if (requestId !== null && requestId !== "") requests.add(requestId);
    if (slot !== null) slots.add(slot);
  }
  for (const row of await findRows(sql, couponId, { users, requests, slots })) users.add(row.userId);
  for (const row of await findRows(sql, couponId, { users, requests, slots })) requests.add(row.requestId);
  return { users, requests, slots };
}

async function* keeping<T>(pieces: AsyncIterable<T[]>, kept: T[], wanted: (item: T) => boolean): AsyncGenerator<T[]> {
  for await (const piece of pieces) {
    kept.push(...piece.filter(wanted));
    yield piece;
  }
}
