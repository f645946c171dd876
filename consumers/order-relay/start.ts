import { LEASES, withLeases } from "../../db/leases.ts";
import { knownOrders } from "../../db/orders/known.ts";
import { ORDER_BUCKETS } from "../../lua/keys.ts";
import { LedgerAges } from "../../lua/ledger-ages.ts";
import { createAcknowledgeOrders, orderLedgerLength, readOrderLedger } from "../../lua/order-ledger.ts";
import { startTicker } from "../engine/ticker.ts";
import { complainer, leftOutOf, type Neighbours, type RunningRole } from "../neighbours.ts";
import { OrderRelay } from "./relay.ts";

/** Role order-relay: a round over all order ledgers, again and again. */
export function startOrderRelay(neighbours: Neighbours): RunningRole {
  const { config, db, redis, producer, log, metrics } = neighbours;
  const ages = new LedgerAges();
  const relay = new OrderRelay({
    buckets: ORDER_BUCKETS,
    length: (bucket) => orderLedgerLength(redis, bucket),
    leftOut: leftOutOf("order-relay", neighbours),
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
  const ticker = startTicker(config.RELAY_EVERY_MS, round, complainer(log, "order-relay"));
  return { name: "order-relay", inHand: () => 0, stop: () => ticker.stop() };
}
