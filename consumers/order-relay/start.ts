import { knownOrders } from "../../db/queries/known-orders.ts";
import { LEASES, withLeases } from "../../db/queries/with-leases.ts";
import { createAcknowledgeOrders, orderLedgerLengths, readOrderLedger } from "../../lua/order-ledger.ts";
import { complainer, type Neighbours, type RunningRole } from "../neighbours.ts";
import { startTicker } from "../ticker.ts";
import { OrderRelay } from "./relay.ts";

/** Role order-relay: a round over all order ledgers, again and again. */
export function startOrderRelay({ config, db, redis, producer, log, metrics }: Neighbours): RunningRole {
  const relay = new OrderRelay({
    lengths: () => orderLedgerLengths(redis),
    read: (bucket, range) => readOrderLedger(redis, bucket, range),
    acknowledge: createAcknowledgeOrders(redis),
    known: (orderIds) => knownOrders(db.sql, orderIds),
    lease: (buckets, work) =>
      withLeases(db.sql, LEASES.orderRelay, buckets.map(String), (held) => work(held.map(Number))),
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
