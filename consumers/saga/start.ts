import type { ModeSetting } from "../../contracts/orders/saga-mode.ts";
import { createFault } from "../../contracts/wire/fault-points.ts";
import type { Database } from "../../db/client.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { writeSettleTimes } from "../../lua/settle-times.ts";
import { type RunningRole, withBackgroundWork } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import type { Folded } from "./fold-order.ts";
import { orderSaga } from "./role.ts";
import { SettleMeter } from "./settle-meter.ts";

export interface OrderSagaParts extends ConsumingParts {
  readonly config: ConsumingParts["config"] & {
    readonly NODE_ENV: string;
    readonly FAULT_POINT: string;
    readonly ORDER_SWEEP_MS: number;
    readonly ORDER_SETTLE_S: number;
    readonly sagaMode: ModeSetting;
  };
  readonly db: Pick<Database, "sql">;
  readonly redis: RedisConnection;
  readonly metrics: ConsumingParts["metrics"] & { readonly orders: { advanced(folded: readonly Folded[]): void } };
}

/** How often the gateways are told how long orders take, milliseconds. */
const SETTLE_TIMES_EVERY_MS = 1_000;

/** Role order-saga. Every second it also writes into Redis how long orders take; gateways answer with that estimate. */
export function startOrderSaga(parts: OrderSagaParts): RunningRole {
  const { db, redis, producer, log, metrics, config } = parts;
  const meter = new SettleMeter();
  const saga = orderSaga({
    sql: db.sql,
    mode: config.sagaMode,
    deadlines: { sweepMs: config.ORDER_SWEEP_MS, settleMs: config.ORDER_SETTLE_S * 1_000 },
    observe: {
      advanced(folded) {
        metrics.orders.advanced(folded);
        meter.advanced(folded);
      },
    },
    producer,
    fault: createFault(config.NODE_ENV, config.FAULT_POINT),
    log,
  });
  const tellGateways = async () => {
    const times = meter.take();
    if (times !== null) await writeSettleTimes(redis, times);
  };
  const telling = startTicker(SETTLE_TIMES_EVERY_MS, tellGateways, logFailedRounds(log, "order-saga"));
  const consuming = startConsuming("order-saga", saga, parts);
  return withBackgroundWork(consuming, { busy: () => 0, stop: () => telling.stop() });
}
