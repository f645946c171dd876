import type { Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { findDueSagas, postponeSagas, type Surveyed, surveyOrders } from "../../db/orders/due.ts";
import { findParkedSteps } from "../../db/steps/parked.ts";
import type { Kafka, Producer } from "../../kafka/kafka.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import { AT_ONCE, type GroupProgress, type SweepDeps, sweep } from "./sweep.ts";

/** Between two counts of what is under way, for the metrics. */
const SURVEY_EVERY_MS = 5_000;
/** Orders that a complaint names. */
const SHOWN = 10;
/** Between two complaints about orders that are over time. */
const COMPLAIN_EVERY_MS = 60_000;

export interface SweeperParts {
  readonly config: { readonly ORDER_SWEEP_MS: number; readonly SWEEPER_EVERY_MS: number };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  readonly metrics: {
    sweptOrders(orders: number): void;
    unreadableSagas(orders: number): void;
    readonly orders: { surveyed(found: readonly Surveyed[]): void };
  };
}

/**
 * Role order-sweeper: looks for orders that have waited too long, once in SWEEPER_EVERY_MS. Looking costs one question of a
 * partial index; a lease keeps several sweepers from saying the same.
 */
export function startSweeper({ config, db, kafka, producer, log, metrics }: SweeperParts): RunningRole {
  const admin = createRenewedAdmin(kafka);
  const progress: GroupProgress = new Map();
  const due = (limit: number) => findDueSagas(db.sql, new Date(), limit);
  const deps: SweepDeps = {
    due,
    parked: (orderIds) => findParkedSteps(db.sql, orderIds),
    postpone: (sagas) => postponeSagas(db.sql, sagas),
    lags: (group, topic) => admin.groupLag(group, [topic]),
    producer,
    observe: {
      swept: metrics.sweptOrders,
      unreadable(orderIds, why) {
        metrics.unreadableSagas(orderIds.length);
        const fields = { role: "order-sweeper", orders: orderIds.slice(0, SHOWN), ...failureCode(why) };
        log.error(fields, `${orderIds.length} orders can't be read: a newer release wrote their state`);
      },
    },
    sweepMs: config.ORDER_SWEEP_MS,
  };
  let surveyAt = 0;
  let complainAt = 0;
  async function survey(): Promise<void> {
    const now = performance.now();
    if (now < surveyAt) return;
    surveyAt = now + SURVEY_EVERY_MS;
    const found = await surveyOrders(db.sql);
    metrics.orders.surveyed(found);
    const overdue = found.reduce((sum, { what, count }) => (what === "OVERDUE" ? sum + count : sum), 0);
    if (overdue === 0 || now < complainAt) return;
    complainAt = now + COMPLAIN_EVERY_MS;
    log.error({ role: "order-sweeper", orders: overdue }, "orders are not settled in time");
  }
  async function round(stopping: AbortSignal): Promise<void> {
    await survey();
    if ((await due(1)).length === 0) return;
    await withLeases(db.leases, LEASES.orderSweeper, ["all"], async () => {
      while (!stopping.aborted && (await sweep(deps, progress, Date.now())) === AT_ONCE);
    });
  }
  const ticker = startTicker(config.SWEEPER_EVERY_MS, round, logFailedRounds(log, "order-sweeper"));
  return {
    name: "order-sweeper",
    inHand: () => 0,
    async stop() {
      await ticker.stop();
      await admin.close();
    },
  };
}
