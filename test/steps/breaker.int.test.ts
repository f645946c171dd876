import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startDelayedCommands } from "../../consumers/delayed-commands/start.ts";
import { BREAKERS } from "../../consumers/steps/breaker.ts";
import { stepRole } from "../../consumers/steps/role.ts";
import { stock } from "../../consumers/steps/stock.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, newProduct, outcomeOf, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RETRY_PAUSE_MS: "20" } });
}, WORLD_MS);
afterAll(() => world.close());

test("a row that is locked for long opens the breaker: requests are parked, no order fails, all are done afterwards", async () => {
  await newProduct(world, "held", 10);
  const breaker = { ...BREAKERS.STOCK!, openMs: 300, lockMs: 50 };
  const { orders: observe } = world.neighbours.metrics;
  const deps = { sql: world.db.sql, producer: world.producer, log: world.log, observe, breaker };
  const role = stepRole("stock", stock, deps);
  const topic = await world.newTopic(1);
  const [kept, undone] = [anOrder({ items: [["held", 1]] }), anOrder({ items: [["held", 2]] })];
  await bench.handled(world, role, asked("STOCK", undone!));

  const parked = async () =>
    (await world.db.sql`SELECT event_id FROM delayed_commands WHERE reason = 'BREAKER_OPEN'`).length;
  let free = () => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  let locked = () => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const operator = world.db.sql.begin(async (tx) => {
    await tx`SELECT FROM products WHERE id = 'held' FOR UPDATE`;
    locked();
    await held;
  });
  await isLocked;
  const runner = world.run(role, topic);
  await world.rawProducer.sendAll(
    [asked("STOCK", kept!), takenBack("STOCK", undone!)].map((one) => ({ ...one, topic })),
  );
  await until("command and restore are parked", async () => (await parked()) === 2);
  await until("the log goes on", async () => (await world.lag(topic)) === 0);
  expect(await outcomeOf(world, kept!.orderId, "STOCK")).toBe("none");

  free();
  await operator;
  const resender = startDelayedCommands(world.neighbours);
  await until("the command is done", async () => (await outcomeOf(world, kept!.orderId, "STOCK")) === "COMPLETED");
  await until(
    "the restore too",
    async () => (await outcomeOf(world, undone!.orderId, "STOCK")) === "COMPLETED restored",
  );
  await Promise.all([resender.stop(1_000), runner.stop(1_000)]);
  expect(await bench.stockOf(world, "held")).toEqual({ stock: 9, reserved: 1 });
  expect(world.lines.filter(({ message }) => message === "batches work again").length).toBeGreaterThan(0);
  const shown = await world.neighbours.metrics.text();
  expect(shown).toContain('stampede_step_breaker_open{step="STOCK"} 0');
  expect(shown).toMatch(/stampede_parked_commands_total\{step="STOCK",reason="BREAKER_OPEN"\} [1-9]/);
});
