import { createFault } from "../contracts/wire/fault-points.ts";
import { createAdmission } from "../lua/admission.ts";
import { createInbox } from "../lua/inbox.ts";
import { createRoutes } from "../lua/routes.ts";
import { writeSettleTimes } from "../lua/settle-times.ts";
import { holdingOf } from "../lua/win-state.ts";
import { admissionRelease } from "./admission/release-role.ts";
import { startAdmissionLoader } from "./admission/start.ts";
import { couponDecide } from "./claims/decide/role.ts";
import { couponPersist } from "./claims/persist/role.ts";
import { startRelay } from "./claims/relay/start.ts";
import { startDeadLetters } from "./dead-letters/start.ts";
import { startDelayedCommands } from "./delayed-commands/start.ts";
import { failureCode } from "./engine/failure.ts";
import { within } from "./engine/pause.ts";
import type { Role } from "./engine/role.ts";
import { startRunner } from "./engine/runner.ts";
import { startTicker } from "./engine/ticker.ts";
import { complainer, type Neighbours, type RunningRole, settlingFor } from "./neighbours.ts";
import { notify } from "./notify/role.ts";
import { startOrderRelay } from "./order-relay/start.ts";
import { startSweeper } from "./order-sweeper/start.ts";
import { startPayment } from "./payment/start.ts";
import type { Workers } from "./payment/workers.ts";
import { startRetention } from "./retention/start.ts";
import type { RoleName } from "./role-names.ts";
import type { Folded } from "./saga/fold-order.ts";
import { orderSaga } from "./saga/role.ts";
import { SettleMeter } from "./saga/settle-meter.ts";
import { startLoader } from "./sales/start.ts";
import { type CouponUsageDeps, couponUsage } from "./steps/coupon-usage.ts";
import { points } from "./steps/points.ts";
import { stepRole } from "./steps/role.ts";
import { shipping } from "./steps/shipping.ts";
import { stock } from "./steps/stock.ts";

/** Sets a role to work. It runs until it is stopped, whatever its neighbours do. */
export function startRole(name: RoleName, neighbours: Neighbours): RunningRole {
  const { db, redis, producer, log, metrics, config } = neighbours;
  const fault = createFault(config.NODE_ENV, config.FAULT_POINT);
  const observe = metrics.orders;
  const steps = { sql: db.sql, producer, log, fault, observe };
  switch (name) {
    case "coupon-persist":
      return onLog(name, couponPersist(settlingFor(name, neighbours)), neighbours);
    case "coupon-decide": {
      const observe = { decided: metrics.decided, waitingRequests: metrics.waitingRequests };
      const deciding = { settling: settlingFor(name, neighbours), keepHours: config.SALE_KEEP_HOURS, observe };
      return onLog(name, couponDecide(deciding), neighbours);
    }
    case "dead-letters": {
      const { role, republisher } = startDeadLetters(neighbours);
      return both(onLog(name, role, neighbours), { busy: () => 0, stop: () => republisher.stop() });
    }
    case "notify": {
      const publish = async (channel: string, payload: string) => {
        const heard = await redis.publish(channel, payload);
        return redis.isCluster ? undefined : heard;
      };
      const role = notify({
        inbox: createInbox(redis),
        routes: createRoutes(redis),
        publish,
        canWait: redis.isCluster,
        observe: { old: metrics.oldNews, waiting: metrics.waitingNews },
        log,
      });
      return onLog(name, role, neighbours);
    }
    case "order-saga":
      return startSaga(neighbours);
    case "order-sweeper":
      return startSweeper(neighbours);
    case "stock":
      return onLog(name, stepRole(name, stock, steps), neighbours);
    case "coupon-usage":
      return onLog(name, stepRole(name, couponUsage(walletsFor(neighbours)), steps), neighbours);
    case "points":
      return onLog(name, stepRole(name, points, steps), neighbours);
    case "shipping":
      return onLog(name, stepRole(name, shipping(config.delivery), steps), neighbours);
    case "delayed-commands":
      return startDelayedCommands(neighbours);
    case "payment": {
      const payment = startPayment(neighbours);
      return both(onLog(name, payment.role, neighbours), payment.workers);
    }
    case "order-relay":
      return startOrderRelay(neighbours);
    case "admission": {
      const release = onLog(name, admissionRelease(createAdmission(redis).release), neighbours);
      const loader = startAdmissionLoader(neighbours);
      const stop = async (graceMs: number) => void (await Promise.all([release.stop(graceMs), loader.stop(graceMs)]));
      return { ...release, stop };
    }
    case "retention":
      return startRetention(neighbours);
    case "claim-relay":
      return startRelay(neighbours);
    case "sale-loader":
      return startLoader(neighbours);
  }
}

/** The saga, which tells the door every second how long orders take. */
function startSaga(neighbours: Neighbours): RunningRole {
  const { db, redis, producer, log, metrics, config } = neighbours;
  const meter = new SettleMeter();
  const observe = {
    advanced(folded: readonly Folded[]) {
      metrics.orders.advanced(folded);
      meter.advanced(folded);
    },
  };
  const deadlines = { sweepMs: config.ORDER_SWEEP_MS, settleMs: config.ORDER_SETTLE_S * 1_000 };
  const fault = createFault(config.NODE_ENV, config.FAULT_POINT);
  const saga = orderSaga({ sql: db.sql, mode: config.sagaMode, deadlines, observe, producer, fault, log });
  const tell = async () => {
    const times = meter.take();
    if (times !== null) await writeSettleTimes(redis, times);
  };
  const telling = startTicker(1_000, tell, complainer(log, "order-saga"));
  return both(onLog("order-saga", saga, neighbours), { busy: () => 0, stop: () => telling.stop() });
}

/** A role that consumes topics. */
function onLog(name: RoleName, role: Role, neighbours: Neighbours): RunningRole {
  const { kafka, producer, log, metrics, config, roleEnded } = neighbours;
  const runner = startRunner(role, {
    kafka,
    producer,
    log,
    retrying: { attempts: 3, pauseMs: config.RETRY_PAUSE_MS },
    ended: (error) => roleEnded?.(name, error),
    observe: {
      batch: (records, seconds) => metrics.batch(name, records, seconds),
      retried: () => metrics.retried(name),
      deadLettered: (code) => metrics.deadLettered(name, code),
      waiting: (waits) => metrics.waiting(name, waits),
    },
  });
  return { name, inHand: runner.inHand, stop: runner.stop };
}

/** What the coupon step needs besides its database: Redis' word on coupons that were won a moment ago. */
const walletsFor = ({ db, redis, config, log }: Neighbours): CouponUsageDeps => ({
  sql: db.sql,
  holdingOf: (couponId, userId) => holdingOf(redis, couponId, userId),
  keepHours: config.SALE_KEEP_HOURS,
  onError: (message, error) => log.warn({ role: "coupon-usage", ...failureCode(error) }, message),
});

/** A role on the log with workers behind it: nothing new comes in first, then the workers finish. */
function both(running: RunningRole, workers: Pick<Workers, "busy" | "stop">): RunningRole {
  return {
    name: running.name,
    inHand: () => running.inHand() + workers.busy(),
    async stop(graceMs) {
      await running.stop(graceMs);
      await within(graceMs, workers.stop());
    },
  };
}
