import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type OrderId, orderIdOf } from "../../contracts/orders/ids.ts";
import { canonicalOrder } from "../../contracts/orders/request.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { orderLedgerLengths } from "../../lua/order-ledger.ts";
import { type ApiAnswer, call } from "../support/client.ts";
import { createProduct, followOrders, placeOrder } from "../support/orders.ts";
import type { TestProcess } from "../support/processes.ts";
import { synced } from "../support/synced.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

const KILLED = 128 + 9;
let system: System;
let mug: Product;
let log: ReturnType<typeof followOrders>;
/** Answers only what Kafka has confirmed. */
let strict: TestProcess;
beforeAll(async () => {
  // Without the saga: PostgreSQL has what a test says it has.
  system = await startSystem("orders_fault", { consumers: false, gatewayEnv: { CLAIM_ACK_MS: "1000" } });
  await system.addConsumers(["order-relay"]);
  strict = await system.addGateway({ CLAIM_REQUIRE_KAFKA: "true" });
  mug = await createProduct(system);
  log = followOrders(system);
}, 180_000);
afterAll(async () => {
  await log?.close();
  await system?.stack.up(["redis", "kafka"]);
  await system?.close();
}, 180_000);

const body = () => ({ items: [{ productId: mug.id, quantity: 1 }] });
const idOf = (user: string, key: string): OrderId => orderIdOf(user as UserId, key, canonicalOrder(body() as never));
const waiting = async () => (await orderLedgerLengths(system.redis)).reduce((sum, length) => sum + length, 0);
const arrive = (orderId: string, user: string) => system.sql`
  INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES (${orderId}, ${user}, 1250, 1250)`;

test.each(["order:placed", "order:produced"])(
  "a gateway killed at %s: the order reaches the log all the same, once, and its repeat is the same order",
  async (point) => {
    const doomed = await system.addGateway({ FAULT_POINT: point });
    const user = `orphan-${point}`;
    const key = { "idempotency-key": "k" };
    const lost = await call(`${doomed.url}/orders`, { token: system.token(user), json: body(), headers: key }).catch(
      () => null,
    );
    expect(lost).toBeNull();
    expect(await doomed.exited).toBe(KILLED);
    const orderId = idOf(user, "k");
    // Shown although it was not announced.
    const shown = await call(`${system.url}/orders/${orderId}`, { token: system.token(user) });
    expect(shown).toMatchObject({ status: 200, body: { orderId, status: "PENDING" } });
    const [event] = await log.until(orderId);
    const again = await placeOrder(system, user, body(), "k");
    expect(again).toMatchObject({ status: 202, body: { orderId, repeat: true } });
    for (const repeated of await log.until(orderId, 2)) expect(repeated).toEqual(event!);
    await arrive(orderId, user);
    await until("it has left the ledger", async () => (await waiting()) === 0);
    expect((await placeOrder(system, user, body(), "k")).body).toMatchObject({
      orderId,
      durable: "kafka",
      repeat: true,
    });
  },
);

test("a gateway killed after admission and before the ledger: nothing is ordered, and the repeat is", async () => {
  const ticket = await createProduct(system, { name: "Ticket", stock: 1, flash: true });
  const json = { items: [{ productId: ticket.id, quantity: 1 }] };
  const doomed = await system.addGateway({ FAULT_POINT: "order:admitted" });
  const key = { "idempotency-key": "k" };
  const token = system.token("first");
  expect(await call(`${doomed.url}/orders`, { token, json, headers: key }).catch(() => null)).toBeNull();
  expect(await doomed.exited).toBe(KILLED);
  expect(await waiting()).toBe(0);
  const again = await placeOrder(system, "first", json, "k");
  expect(again.status).toBe(202);
  expect(again.body.repeat).toBeUndefined();
  await arrive(again.body.orderId, "first");
  await until("it has left the ledger", async () => (await waiting()) === 0);
});

test("a Redis that falls silent with an order on its way: the outcome is unknown, and says under which key the repeat is the same order", async () => {
  await system.sql`INSERT INTO products (id, name, stock, price) VALUES ('jug', 'Jug', 5, 900)`; // no gateway knows its price
  const json = { items: [{ productId: "jug", quantity: 1 }] };
  let asking: Promise<ApiAnswer> | undefined;
  // Its price is waited for while Redis falls silent, so the order's script is what Redis does not answer.
  await system.sql.begin(async (tx) => {
    await tx`LOCK TABLE products IN ACCESS EXCLUSIVE MODE`;
    asking = placeOrder(system, "patient", json);
    await until("the order waits for its price", async () => {
      // Not within the transaction, which would see what it saw first.
      const [row] = await system.sql`
        SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM products%'`;
      return row!.n > 0;
    });
    await system.stack.kill("redis", "SIGSTOP");
  });
  const unknown = await asking!.finally(() => system.stack.kill("redis", "SIGCONT"));
  expect(unknown).toMatchObject({ status: 503, body: { code: "OUTCOME_UNKNOWN", retryable: true } });
  const { idempotencyKey, orderId } = unknown.body;
  const [event] = await log.until(orderId); // the relay delivers what Redis took after all
  expect(event).toMatchObject({ type: "OrderCreated", data: { orderId, idempotencyKey } });
  const again = await until("Redis answers", async () => {
    const answer = await placeOrder(system, "patient", json, idempotencyKey);
    return answer.status === 202 && answer;
  });
  expect(again.body).toMatchObject({ orderId, repeat: true });
  await arrive(orderId, "patient");
  await until("it has left the ledger", async () => (await waiting()) === 0);
});

test("while Kafka is away orders are accepted from the ledger, and a cancellation is not; what Redis wrote to its log survives its restart; back, all arrive", async () => {
  await system.crash("kafka");
  const users = Array.from({ length: 10 }, (_, i) => `offline-${i}`);
  const placed = await Promise.all(users.map((user) => placeOrder(system, user, body(), "k")));
  for (const one of placed) expect(one).toMatchObject({ status: 202, body: { durable: "ledger" } });
  const { orderId } = placed[0]!.body;
  const cancel = await call(`${system.url}/orders/${orderId}/cancel`, {
    method: "POST",
    token: system.token(users[0]!),
  });
  expect(cancel).toMatchObject({ status: 503, body: { code: "OUTCOME_UNKNOWN", retryable: true, orderId } });
  // Who wants Kafka's word has none, and hears under which key to ask again; the client sent none.
  const careful = system.token("careful");
  const unknown = await call(`${strict.url}/orders`, { token: careful, json: body() });
  expect(unknown).toMatchObject({ status: 503, body: { code: "OUTCOME_UNKNOWN", retryable: true } });
  expect(unknown.body.detail).toContain("the outcome is unknown");
  const { idempotencyKey } = unknown.body;
  expect(unknown.body.orderId).toBe(idOf("careful", idempotencyKey));
  await synced(system.redis);
  await system.crash("redis");
  await system.stack.up(["redis"]);
  await until("Redis is back", async () => (await waiting()) === users.length + 1);
  await until("the order is shown", async () => {
    return (await call(`${system.url}/orders/${orderId}`, { token: system.token(users[0]!) })).status === 200;
  });
  await system.stack.up(["kafka"]);
  const repeat = () =>
    call(`${strict.url}/orders`, { token: careful, json: body(), headers: { "idempotency-key": idempotencyKey } });
  const confirmed = await until("Kafka's word", async () => {
    const answer = await repeat();
    return answer.status === 202 && answer;
  });
  expect(confirmed.body).toMatchObject({ orderId: unknown.body.orderId, durable: "kafka", repeat: true });
  for (const { body } of placed) {
    const [event] = await log.until(body.orderId, 1);
    expect(event).toMatchObject({ type: "OrderCreated", data: { orderId: body.orderId } });
  }
  for (const [i, { body }] of placed.entries()) await arrive(body.orderId, users[i]!);
  await arrive(unknown.body.orderId, "careful");
  await until("they have left the ledger", async () => (await waiting()) === 0);
});
