import { setTimeout as sleep } from "node:timers/promises";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Executor } from "../../db/client.ts";
import { knownOrders } from "../../db/orders/known.ts";
import { ORDER_BUCKETS } from "../../lua/keys.ts";
import { orderLedgerLength, readOrderLedger } from "../../lua/order-ledger.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { CheckResult } from "../check.ts";
import { isRefusedByRedis } from "../redis-reader.ts";

export interface LedgerSources {
  readonly redis: RedisConnection;
  readonly sql: Executor;
  /** Age from which an entry should be gone, milliseconds; null: no consumer runs. */
  readonly stuckMs: number | null;
  /** How long old entries may take to go: a relay that has just found orders waiting rests for LEDGER_AGE_MS. */
  readonly patienceMs: number;
  /** How many orders of the log the saga has not read. */
  readonly unread: () => Promise<number>;
}

/** At most this many entries of a bucket are read; the report needs no exact number beyond that. */
const PAGE = 500;
const LOOK_MS = 500;

/**
 * Promise 2 for orders. An order that was answered 202 is in the order ledger until PostgreSQL has it. An old entry whose order
 * PostgreSQL does not have, although the saga has read the whole log, is a lost order. If PostgreSQL has the order, the entry
 * should have been deleted.
 */
export async function checkWaitingOrders(sources: LedgerSources): Promise<CheckResult[]> {
  const { redis, sql, stuckMs, patienceMs, unread } = sources;
  const [persisted, moves] = ["order-persisted", "order-ledger-moves"] as const;
  const { readable, broken, examined } = await lookAtBuckets(redis);
  if (stuckMs === null) {
    const note = examined > 0 ? `${examined} orders wait in the ledger; no consumers are running` : undefined;
    return [persisted, moves].map((name) => ({ name, violations: name === moves ? broken : [], examined, note }));
  }
  let old = await oldEntries(redis, readable, stuckMs);
  for (const deadline = performance.now() + patienceMs; old.size > 0; ) {
    const behind = await unread();
    if (behind > 0) {
      const note = `${old.size} orders have waited for long; the saga has ${behind} records of the log to read`;
      return [persisted, moves].map((name) => ({ name, violations: name === moves ? broken : [], examined, note }));
    }
    if (performance.now() >= deadline) break;
    await sleep(LOOK_MS);
    const now = await oldEntries(redis, readable, stuckMs);
    old = new Map([...old].filter(([entry]) => now.has(entry)));
  }
  // Asked last: when the saga had read the whole log, all of its orders were in PostgreSQL.
  const ids = [...old.values()].filter((orderId) => orderId !== null);
  const known = ids.length === 0 ? new Set() : await knownOrders(sql, ids);
  const absent = ids.filter((orderId) => !known.has(orderId));
  const stuck = [...old].filter(([, orderId]) => orderId === null || known.has(orderId));
  return [
    { name: persisted, violations: absent.map((orderId) => `order ${orderId}`), examined },
    {
      name: moves,
      violations: [
        ...broken,
        ...stuck.map(([entry, orderId]) => (orderId === null ? `${entry} is no order` : `order ${orderId}`)),
      ],
      examined,
    },
  ];
}

/** Buckets whose ledger can be read, what is wrong with the others, and how many entries there are. */
async function lookAtBuckets(redis: RedisConnection) {
  const readable: number[] = [];
  const broken: string[] = [];
  let examined = 0;
  const look = async (bucket: number) => {
    try {
      const length = await orderLedgerLength(redis, bucket);
      examined += length;
      readable.push(bucket);
    } catch (error) {
      if (!isRefusedByRedis(error)) throw error;
      broken.push(`order ledger ${bucket}: ${error.message}`);
    }
  };
  await Promise.all(Array.from({ length: ORDER_BUCKETS }, (_, bucket) => look(bucket)));
  return { readable, broken, examined };
}

/** Entries that are old, by their place; null for what is no order. */
async function oldEntries(
  redis: RedisConnection,
  readable: readonly number[],
  olderThanMs: number,
): Promise<Map<string, OrderId | null>> {
  const old = new Map<string, OrderId | null>();
  const buckets = readable.map(async (bucket) => {
    const { entries, malformed } = await readOrderLedger(redis, bucket, { olderThanMs, count: PAGE });
    for (const { ledgerId, orderId } of entries) old.set(`entry ${ledgerId} of order ledger ${bucket}`, orderId);
    for (const ledgerId of malformed) old.set(`entry ${ledgerId} of order ledger ${bucket}`, null);
  });
  await Promise.all(buckets);
  return old;
}
