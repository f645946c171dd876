import type { Role } from "../../consumers/engine/role.ts";
import { createHttpProvider } from "../../consumers/payment/http-provider.ts";
import { paymentRole } from "../../consumers/payment/role.ts";
import { startWorkers } from "../../consumers/payment/workers.ts";
import { orderSaga } from "../../consumers/saga/role.ts";
import { couponUsage } from "../../consumers/steps/coupon-usage.ts";
import { points } from "../../consumers/steps/points.ts";
import { stepRole } from "../../consumers/steps/role.ts";
import { shipping } from "../../consumers/steps/shipping.ts";
import { stock } from "../../consumers/steps/stock.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import { modeSettingOf } from "../../contracts/orders/saga-mode.ts";
import type { Sql } from "../../db/client.ts";
import type { IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { readConfig } from "../../payment-simulator/config.ts";
import { startSimulator } from "../../payment-simulator/server.ts";
import { until } from "../support/until.ts";

/** The roles that advance orders, handing each other their records directly: what they write is what the product writes. */
export interface VerifiedShop {
  /** The payment provider. */
  readonly url: string;
  /** Hands events over, and what follows from them, until nothing more comes; records of `withheld` topics are lost. */
  run(events: readonly StampedeEvent[], withheld?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export function openShop(sql: Sql): VerifiedShop {
  const queue: OutgoingRecord[] = [];
  const producer = { sendAll: async (records: readonly OutgoingRecord[]) => void queue.push(...records) };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const simulator = startSimulator(readConfig({ PAYMENT_SIMULATOR_PORT: "0" }));
  const url = `http://127.0.0.1:${simulator.port}`;
  const workers = startWorkers({
    sql,
    provider: createHttpProvider({ url, apiKey: "", timeoutMs: 5_000 }),
    producer,
    fault: () => {},
    owner: "shop",
    concurrency: 8,
    timeoutMs: 5_000,
    retryMs: 100,
    breakerMs: 100,
    log,
    onError: () => {},
    observe: { called() {}, breaker() {}, alarm() {} },
  });
  const deps = { sql, producer, log };
  const holding = { sql, holdingOf: async () => "NOT_WON" as const, keepHours: 1, onError: () => {} };
  const deadlines = { sweepMs: 60_000, settleMs: 900_000 };
  const roles: readonly Role[] = [
    orderSaga({ ...deps, mode: modeSettingOf("parallel"), deadlines, fault: () => {} }),
    stepRole("stock", stock, deps),
    stepRole("coupon-usage", couponUsage(holding), deps),
    stepRole("points", points, deps),
    stepRole("shipping", shipping({ countries: new Set(["DE"]), simulateRefusal: false }), deps),
    paymentRole({ ...deps, wake: workers.wake, alarm() {} }),
  ];
  const signal = new AbortController().signal;

  async function deliver(withheld: readonly string[]): Promise<void> {
    const records = queue.splice(0).filter(({ topic }) => !withheld.includes(topic));
    for (const role of roles) {
      const own = records.filter(({ topic }) => role.topics.includes(topic)).map(incoming);
      if (own.length > 0) await role.handle(own, signal);
    }
  }
  const unpaid = async () => {
    const rows = await sql`
      SELECT FROM payments WHERE status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted LIMIT 1`;
    return rows.length;
  };
  return {
    url,
    async run(events, withheld = []) {
      queue.push(...events.map(recordOf));
      await until("nothing more comes", async () => {
        while (queue.length > 0) await deliver(withheld);
        return (await unpaid()) === 0 && workers.busy() === 0 && queue.length === 0;
      });
    },
    async close() {
      await workers.stop();
      await simulator.stop();
    },
  };
}

function incoming({ topic, key, value }: OutgoingRecord): IncomingRecord {
  const bytes = (text: string | Uint8Array | null | undefined) => (typeof text === "string" ? Buffer.from(text) : null);
  const where = { topic, partition: 0, offset: 0, headers: {}, timestamp: Date.now() };
  return { ...where, key: bytes(key), value: bytes(value) };
}
