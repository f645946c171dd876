import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FaultPoint } from "../../contracts/wire/fault-points.ts";
import { complaints } from "../support/order-books.ts";
import { gatherCrowd, orderAll } from "../support/order-crowd.ts";
import { ordersKept } from "../support/orders-kept.ts";
import type { TestProcess } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

// kill -9 of everything that takes part in an order, while orders are under way. Single roles at each of their fault points:
// order-saga-killed, orders (the door) and e2e/payments.
const KILLED = 128 + 9;
let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("orders_killed", { gateways: 2, consumers: false, consumersEnv, payments: {} });
}, 180_000);
afterAll(async () => {
  await system?.stack.up(["redis"]);
  await system?.close();
}, 180_000);

const urlFor = (attempt: number) => system.gateways[attempt % 2]!.url;

const STEPS = ["stock", "coupon-usage", "points", "shipping"];
const OTHERS = ["coupon-persist", "claim-relay", "sale-loader", "order-sweeper", "delayed-commands", "notify"].concat([
  "order-relay",
  "admission",
  "dead-letters",
]);
const DOOMED: readonly (readonly [roles: readonly string[], dies: FaultPoint])[] = [
  [["order-saga"], "saga:settled"],
  [STEPS, "step:committed"],
  [["payment"], "payment:called"],
];

test("killed after the saga's settling transaction, after a step's, after the provider's answer, and before the door's: all at once, each order ends as it must", async () => {
  await system.addConsumers(OTHERS);
  const crowd = await gatherCrowd(system, { customers: 60 });
  const doomed = await Promise.all(DOOMED.map(([roles, dies]) => system.addConsumers(roles, { FAULT_POINT: dies })));
  const door = await system.addGateway({ FAULT_POINT: "order:placed" });
  const succeeded = doomed.map(async (process, i) => {
    expect(await process.exited).toBe(KILLED);
    await system.addConsumers(DOOMED[i]![0]);
  });
  await orderAll(system, crowd, { urlFor: (attempt) => (attempt === 0 ? door.url : urlFor(attempt)) });
  expect(await door.exited).toBe(KILLED);
  await Promise.all(succeeded);
  await ordersKept(system, crowd, {
    scarce: 3,
    tickets: 3,
    fault: "saga, steps, payment and door killed where it hurts",
  });
  await Promise.all(system.consumers.splice(0).map((process) => process.stop()));
}, 180_000);

test("consumers, gateway, payment provider and Redis killed in turn while orders come in: each order ends as it must, and the books balance at every look", async () => {
  const workers = await Promise.all([system.addConsumers(), system.addConsumers()]);
  const crowd = await gatherCrowd(system, { customers: 150, scarce: 5, tickets: 5 });
  let kills = 0;
  const again = async (victim: TestProcess, start: () => Promise<unknown>) => {
    victim.kill("SIGKILL");
    expect(await victim.exited).toBe(KILLED);
    await start();
  };
  const inTurn: (() => Promise<void>)[] = [
    () => again(workers[0]!, async () => (workers[0] = await system.addConsumers())),
    async () => {
      await system.provider.kill();
      await system.provider.start();
    },
    () => {
      const gateway = system.gateways[1]!;
      return again(gateway, async () => (system.gateways[1] = await system.addGateway({}, gateway.port)));
    },
    async () => {
      await system.crash("redis");
      await system.stack.up(["redis"]);
    },
    () => again(workers[1]!, async () => (workers[1] = await system.addConsumers())),
  ];
  let healedAt = 0;
  let over = false;
  const settled = async () => {
    const [row] = await system.sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM orders WHERE status IN ('COMPLETED', 'CANCELLED')`;
    return row!.n;
  };
  const killing = (async () => {
    for (const kill of inTurn) {
      const before = await settled();
      await until("orders are at work", async () => over || (await settled()) > before);
      await kill();
      kills++;
    }
    healedAt = Date.now();
  })();
  const looking = (async () => {
    for (let looks = 0; ; looks++) {
      expect(await complaints(system.sql)).toEqual([]);
      if (healedAt > 0 && looks > 5) return looks;
      await Bun.sleep(200);
    }
  })();
  // Slowly, so that all of it falls into the orders.
  const placing = orderAll(system, crowd, { urlFor, atOnce: 3, begins: () => Bun.sleep(60) }).finally(() => {
    over = true;
  });
  await Promise.all([placing, killing, looking]);
  expect(await looking).toBeGreaterThan(5);
  expect(kills).toBe(inTurn.length);
  const fault = "consumers, provider, gateway, Redis and consumers killed in turn";
  await ordersKept(system, crowd, { scarce: 5, tickets: 5, fault, healedAt });
}, 180_000);
