import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { call, claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush, type UserStory } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // Without the relay: whatever is persisted came through Kafka, so a record that was not flushed would be missing.
  // A member that left without a word would be missed for two minutes.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=120000" };
  // And no record runs out of time while a machine stands still.
  const gatewayEnv = { MESSAGE_TIMEOUT_MS: "60000" };
  system = await startSystem("shutdown", { consumers: false, gatewayEnv, consumersEnv });
  await system.addConsumers(["sale-loader", "coupon-persist", "notify"]);
}, 180_000);
afterAll(() => system?.close());

test("a gateway told to stop in mid-rush loses no answer and no record, and sends its sockets elsewhere", async () => {
  const { id } = await system.createSale({ total: 5_000 });
  // It waits for Kafka one millisecond only: most answers are out before the record is delivered.
  const leaving = await system.addGateway({ CLAIM_ACK_MS: "1" });
  const crowd = await Promise.all(
    Array.from({ length: 50 }, (_, i) => TestSocket.welcomed(leaving.url, system.token(`listener-${i}`))),
  );
  let stopped: Promise<number> | undefined;
  const stories: UserStory[] = await rush({
    couponId: id,
    users: named("rusher", 4_000),
    gatewayFor: (_user, attempt) => (attempt === 0 && stopped === undefined ? leaving.url : system.url),
    token: system.token,
    atOnce: 64,
    begins(user) {
      if (user === 1_500) stopped = leaving.stop();
    },
  });
  expect(await stopped).toBe(0);
  const answers = stories.flatMap((story) => story.answers);
  // Refused at the door is no lost answer; a connection that ends without one is.
  const broken = answers.filter(({ status, body }) => status === 0 && body.code !== "ConnectionRefused");
  expect(broken).toEqual([]);
  expect(answers.some(({ body }) => body.durable === "ledger")).toBe(true);
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(4_000);
  expect(await Promise.all(crowd.map((socket) => socket.closed()))).toEqual(crowd.map(() => CLOSE.RECONNECT));
  await until("its routes are gone", async () => (await system.redis.keys("{u:listener-*}:route")).length === 0);
  await promisesKept(system, id, { winners: 4_000, fault: "gateway told to stop in mid-rush" });
}, 180_000);

test("a gateway with a delay serves new connections while it tells balancers to leave, and sockets stay until then", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  let winners = 0;
  // A machine may sleep through the delay: then the next gateway is asked.
  for (let round = 1; ; round++) {
    const leaving = await system.addGateway({ SHUTDOWN_DELAY_MS: "2500" });
    const socket = await TestSocket.welcomed(leaving.url, system.token(`delayed-listener-${round}`));
    const stopped = leaving.stop();
    const before = winners;
    for (;;) {
      // Each on a new connection; none succeeds any more: the port is closed.
      const ready = await fetch(`${leaving.url}/health/ready`, { headers: { connection: "close" } }).catch(() => null);
      if (ready === null) break;
      const { status } = (await ready.json()) as { status: string };
      if (status !== "stopping") continue; // the signal has not arrived
      expect(ready.status).toBe(503);
      const answer = await claim(leaving.url, id, system.token(`late-${winners}`)).catch(() => null);
      if (answer === null) break;
      expect(answer.status).toBe(202);
      winners++;
    }
    expect(await socket.closed()).toBe(CLOSE.RECONNECT);
    expect(await stopped).toBe(0);
    if (winners > before + 3) break;
    expect(round).toBeLessThan(5);
  }
  await promisesKept(system, id, { winners, fault: "gateway told to stop with a delay" });
}, 120_000);

test("a gateway that is stopping says so to health checks, and takes no new connection", async () => {
  // It says so for a quarter of a second, which a machine may sleep through: then the next one is asked.
  for (let round = 1; ; round++) {
    const leaving = await system.addGateway();
    expect((await call(`${leaving.url}/health/ready`)).status).toBe(200);
    const stopped = leaving.stop();
    const seen: number[] = [];
    while (seen.at(-1) !== 0) {
      const status = await call(`${leaving.url}/health/ready`).then(
        (answer) => answer.status,
        () => 0,
      );
      seen.push(status);
    }
    expect(await stopped).toBe(0);
    if (seen.includes(503)) {
      expect(seen.lastIndexOf(200)).toBeLessThan(seen.indexOf(503));
      return;
    }
    expect(round).toBeLessThan(5);
  }
});

test("consumers told to stop in mid-rush finish their batches and leave the group at once", async () => {
  const { id } = await system.createSale({ total: 5_000 });
  const leaving = system.consumers[0]!;
  let handover: Promise<unknown> | undefined;
  const stories = await rush({
    couponId: id,
    users: named("steady", 3_000),
    gatewayFor: () => system.url,
    token: system.token,
    begins(user) {
      if (user !== 1_000) return;
      handover = Promise.all([system.addConsumers(["sale-loader", "coupon-persist", "notify"]), leaving.stop()]);
    },
  });
  const startedAt = performance.now();
  const [, code] = (await handover) as [unknown, number];
  expect(code).toBe(0);
  expect(lastWords(stories)).toEqual({ 202: 3_000 });
  await promisesKept(system, id, { winners: 3_000, fault: "consumers told to stop in mid-rush" });
  // The next member did not have to wait until the broker noticed that one is gone.
  expect(performance.now() - startedAt).toBeLessThan(60_000);
  expect(leaving.output()).not.toMatch(/"level":(50|60)/);
}, 180_000);

test("an uncaught exception stops a process in the same orderly way, with exit code 1", async () => {
  const preload = join(import.meta.dir, "..", "support", "stray-error.mjs");
  const env = { BUN_OPTIONS: `--preload ${preload}`, NODE_OPTIONS: `--import ${preload}` };
  const [gateway, consumers] = await Promise.all([system.addGateway(env), system.addConsumers(["notify"], env)]);
  const socket = await TestSocket.welcomed(gateway.url, system.token("listener"));
  for (const process of [gateway, consumers]) {
    process.kill("SIGUSR2");
    expect(await process.exited).toBe(1);
    expect(process.output()).toContain("uncaught exception: the process stops");
    expect(process.output()).toContain("a mistake of ours");
    expect(process.output()).toContain('"msg":"stopped"');
  }
  expect(await socket.closed()).toBe(CLOSE.RECONNECT);
}, 180_000);
