import type { Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { knownOrders } from "../../db/orders/known.ts";
import type { Producer } from "../../kafka/kafka.ts";
import { ORDER_BUCKETS } from "../../lua/keys.ts";
import { LedgerAges } from "../../lua/ledger-ages.ts";
import { createAcknowledgeOrders, orderLedgerLength, readOrderLedger } from "../../lua/order-ledger.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { type LeftOutParts, leftOutOf } from "../engine/left-out-of.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import { OrderRelay } from "./relay.ts";

export interface OrderRelayParts extends LeftOutParts {
  readonly config: { readonly LEDGER_AGE_MS: number; readonly RELAY_EVERY_MS: number };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  readonly producer: Pick<Producer, "sendAll">;
  readonly metrics: LeftOutParts["metrics"] & {
    orderLedgerEntries(entries: number): void;
    relayedOrders(orders: number): void;
  };
}

/** Role order-relay: a round over all order ledgers, again and again. */
export function startOrderRelay(parts: OrderRelayParts): RunningRole {
  const { config, db, redis, producer, log, metrics } = parts;
  const ages = new LedgerAges();
  const relay = new OrderRelay({
    buckets: ORDER_BUCKETS,
    length: (bucket) => orderLedgerLength(redis, bucket),
    leftOut: leftOutOf("order-relay", parts),
    read: (bucket, range) => readOrderLedger(redis, bucket, range, ages),
    acknowledge: createAcknowledgeOrders(redis),
    known: (orderIds) => knownOrders(db.sql, orderIds),
    lease: (buckets, work) =>
      withLeases(db.leases, LEASES.orderRelay, buckets.map(String), (held) => work(held.map(Number))),
    producer,
    waitingEntries: metrics.orderLedgerEntries,
    relayed: metrics.relayedOrders,
    log,
    ageMs: config.LEDGER_AGE_MS,
  });
  const round = (stopping: AbortSignal) => relay.round(stopping);
  const ticker = startTicker(config.RELAY_EVERY_MS, round, logFailedRounds(log, "order-relay"));
  return { name: "order-relay", inHand: () => 0, stop: () => ticker.stop() };
}
