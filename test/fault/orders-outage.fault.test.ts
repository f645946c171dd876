import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { BaseService } from "../../stack/service-names.ts";
import { gatherCrowd, type OrderCrowd, orderAll } from "../support/order-crowd.ts";
import { ordersKept } from "../support/orders-kept.ts";
import { type System, startSystem } from "../support/system.ts";

// A service is away for longer than any retry of a batch, with orders in every stage. Redis: orders-killed.
const AWAY_MS = 15_000;

let system: System;
let processIds: number[];
beforeAll(async () => {
  // The broker gives a group's partitions out again when the sessions of before are over; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("orders_outage", { consumersEnv, gatewayEnv: { CLAIM_ACK_MS: "1000" }, payments: {} });
  processIds = [...system.gateways, ...system.consumers].map(({ pid }) => pid);
}, 180_000);
afterEach(() => system.stack.up(["kafka", "postgres"]), 180_000);
afterAll(() => system?.close(), 180_000);

/**
 * Stops the service when some orders are under way, and starts it again; the next ones come while it is away, the last ones
 * afterwards. @returns when it was back
 */
async function without(service: BaseService, crowd: OrderCrowd): Promise<number> {
  const underWay = Promise.withResolvers<void>();
  const gone = underWay.promise.then(() => system.stack.down([service]));
  const back = gone
    .then(() => Bun.sleep(AWAY_MS))
    .then(() => system.stack.up([service]))
    .then(() => Date.now());
  const begins = async (i: number) => {
    if (i === 20) underWay.resolve();
    if (i >= 40) await gone;
    if (i >= 75) await back;
  };
  await orderAll(system, crowd, { urlFor: () => system.url, atOnce: 8, begins });
  return back;
}

/** The program that went through it all is the one that was started, and it put nothing aside. */
async function nothingGivenUp(): Promise<void> {
  for (const pid of processIds) expect(process.kill(pid, 0)).toBe(true);
  expect(await system.sql`SELECT * FROM dead_letters`).toHaveLength(0);
}

test("Kafka away for 15 s: orders are accepted all the time, and each ends as it must", async () => {
  const crowd = await gatherCrowd(system, { customers: 90 });
  const healedAt = await without("kafka", crowd);
  const durable = crowd.customers.flatMap(({ answers }) => answers.map(({ body }) => body.durable));
  expect(new Set(durable.filter((word) => word !== undefined))).toEqual(new Set(["kafka", "ledger"]));
  await ordersKept(system, crowd, { scarce: 3, tickets: 3, fault: "Kafka away for 15 s", healedAt });
  await nothingGivenUp();
}, 180_000);

test("PostgreSQL away for 15 s: orders are accepted or told to come back, and each ends as it must", async () => {
  const crowd = await gatherCrowd(system, { customers: 90 });
  const healedAt = await without("postgres", crowd);
  const statuses = crowd.customers.flatMap(({ answers }) => answers.map(({ status }) => status));
  expect(statuses.filter((status) => ![202, 409, 503].includes(status))).toEqual([]);
  await ordersKept(system, crowd, { scarce: 3, tickets: 3, fault: "PostgreSQL away for 15 s", healedAt });
  await nothingGivenUp();
}, 180_000);
