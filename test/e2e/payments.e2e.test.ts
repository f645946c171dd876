import { afterAll, beforeAll, expect, test } from "bun:test";
import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { orderMessage } from "../../contracts/orders/messages.ts";
import { orderEventId, orderStream } from "../../contracts/orders/streams.ts";
import { SIGNATURE_HEADER, signWebhook } from "../../contracts/payments/webhook.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { Consumer, Producer } from "../../kafka/kafka.ts";
import { expectBalanced, orderNamed, readBooks } from "../payments/provider-books.ts";
import { freePort } from "../support/free-port.ts";
import { startPaymentSimulator, type TestProcess } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const SECRET = "a secret of the provider's and ours alone";
const KILLED = 128 + 9;
const port = freePort();
const simulatorPort = freePort();
let system: System;
let simulator: TestProcess;
let producer: Producer;
let results: Consumer;
const heard: { type: string; eventId: string; data: { orderId: string } }[] = [];

const payer = (faultPoint = "") => system.addConsumers(["payment"], { FAULT_POINT: faultPoint });

beforeAll(async () => {
  system = await startSystem("payments", {
    gateways: 0,
    consumers: false,
    gatewayEnv: { PAYMENT_WEBHOOK_SECRET: SECRET },
    consumersEnv: {
      PAYMENT_PROVIDER_URL: `http://127.0.0.1:${simulatorPort}`,
      PAYMENT_TIMEOUT_MS: "300",
      PAYMENT_RETRY_MS: "200",
      PAYMENT_BREAKER_MS: "200",
      KAFKA_PROPERTIES: "session.timeout.ms=6000",
    },
  });
  const kafka = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" });
  producer = kafka.producer();
  results = kafka.consumer({ groupId: crypto.randomUUID(), topics: ["order-processing-results"] });
  const env = {
    PAYMENT_WEBHOOK_URL: `http://127.0.0.1:${port}/webhooks/payments`,
    PAYMENT_WEBHOOK_SECRET: SECRET,
    PAYMENT_SIMULATOR_LATE_MS: "200",
  };
  [simulator] = await Promise.all([startPaymentSimulator(env, simulatorPort), system.addGateway({}, port)]);
}, 180_000);
afterAll(async () => {
  await Promise.all([results?.close(), producer?.close(1_000)]);
  await Promise.all([system?.close(), simulator?.stop()]);
});

function send(type: "PaymentRequested" | "PaymentRestoreRequested", orderId: OrderId, token = "") {
  const terms = { amount: 1_250 as Money, currency: "EUR" as Currency, token };
  const data = { orderId, userId: "ann" as UserId, ...(type === "PaymentRequested" ? terms : {}) } as never;
  const envelope = { eventId: orderEventId(orderId, type), stream: orderStream(orderId), sequence: 2, at: 0 };
  return producer.send(recordOf(orderMessage({ type, ...envelope, causationId: null, data })));
}

/** Waits until the log says this of the order. */
const hears = (orderId: OrderId, type: string) =>
  until(`${orderId} hears ${type}`, async () => {
    for (const { value } of await results.poll(1_000, 50)) heard.push(JSON.parse(Buffer.from(value!).toString()));
    return heard.some((event) => event.type === type && event.data.orderId === orderId);
  });
const statusOf = async (orderId: OrderId) =>
  (await system.sql`SELECT status FROM payments WHERE order_id = ${orderId}`)[0]?.status;

test.each(["payment:called", "payment:settled"])(
  "a worker killed at %s: charged once, and the saga hears of it",
  async (faultPoint) => {
    const orderId = orderNamed(faultPoint);
    const doomed = await payer(faultPoint);
    await send("PaymentRequested", orderId, "tok_ok");
    expect(await doomed.exited).toBe(KILLED);
    expect(await statusOf(orderId)).toBe(faultPoint === "payment:called" ? "INTENT" : "CAPTURED");
    const heir = await payer();
    // What was committed and not told is told when the sweeper has the saga ask again.
    if (faultPoint === "payment:settled") await send("PaymentRequested", orderId, "tok_ok");
    await hears(orderId, "PaymentCompleted");
    await expectBalanced(system.sql, simulator.url);
    expect(await heir.stop()).toBe(0);
  },
  180_000,
);

test("late and repeated webhooks of the provider go their way; a late capture of a voided payment is refunded", async () => {
  const process = await payer();
  const late = orderNamed("late");
  const twice = orderNamed("twice");
  await send("PaymentRequested", late, "tok_late_capture");
  await until("it was called for", async () => {
    const [row] = await system.sql`SELECT attempts FROM payments WHERE order_id = ${late}`;
    return row?.attempts >= 1;
  });
  await Promise.all([send("PaymentRestoreRequested", late), send("PaymentRequested", twice, "tok_duplicate_webhook")]);
  await hears(late, "PaymentRestored");
  await hears(twice, "PaymentCompleted");
  await until(
    "the late capture is refunded",
    async () => (await readBooks(simulator.url)).get(late)?.status === "REFUNDED",
  );
  await until("and that is known", async () => (await statusOf(late)) === "REFUNDED");
  await expectBalanced(system.sql, simulator.url);
  expect(await process.stop()).toBe(0);
}, 180_000);

test("the gateway takes only what the provider signed, lately", async () => {
  const webhook = {
    id: "evt_1",
    key: orderNamed("signed"),
    outcome: "CAPTURED",
    amount: 5,
    currency: "EUR",
    occurredAt: "2027-01-01T00:00:00Z",
  };
  const call = async (body: string, secret = SECRET, agoS = 0) => {
    const signature = signWebhook(secret, Buffer.from(body), Math.floor(Date.now() / 1_000) - agoS);
    const headers = { [SIGNATURE_HEADER]: signature };
    const answer = await fetch(`${system.url}/webhooks/payments`, { method: "POST", headers, body });
    return `${answer.status} ${((await answer.json()) as { code?: string }).code ?? "taken"}`;
  };
  const good = JSON.stringify(webhook);
  expect(await call(good)).toBe("200 taken");
  expect(await call(good)).toBe("200 taken");
  expect(await call(good, "somebody else's")).toBe("401 SIGNATURE_INVALID");
  expect(await call(good, SECRET, 400)).toBe("401 SIGNATURE_EXPIRED");
  expect(await call("{")).toBe("400 INVALID_JSON");
  expect(await call(JSON.stringify({ ...webhook, key: "mine" }))).toBe("400 VALIDATION_FAILED");
  expect(await call(JSON.stringify({ ...webhook, amount: -5 }))).toBe("400 VALIDATION_FAILED");
  const bare = await fetch(`${system.url}/webhooks/payments`, { method: "POST", body: good });
  expect(bare.status).toBe(401);
});
