import { afterAll, beforeAll, expect, test } from "bun:test";
import { composePayment } from "../../consumers/payment/start.ts";
import type { PaymentWorkers } from "../../consumers/payment/workers.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { orderMessage, paymentReported } from "../../contracts/orders/messages.ts";
import { orderEventId, orderStream } from "../../contracts/orders/streams.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { textArray } from "../../db/array-literal.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { startPaymentSimulator, type TestProcess } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { expectBalanced, orderNamed, readBooks } from "./provider-books.ts";

const LATE_MS = 400;
let simulator: TestProcess;
let world: ConsumerWorld;
let workers: PaymentWorkers;
let topic: string;
beforeAll(async () => {
  simulator = await startPaymentSimulator({
    PAYMENT_SIMULATOR_SLOW_MS: "600",
    PAYMENT_SIMULATOR_LATE_MS: String(LATE_MS),
  });
  world = await createWorld({
    environment: {
      PAYMENT_PROVIDER_URL: simulator.url,
      PAYMENT_TIMEOUT_MS: "300",
      PAYMENT_RETRY_MS: "500",
      PAYMENT_BREAKER_MS: "200",
    },
  });
  topic = await world.newTopic(2);
  const payment = composePayment(world.neighbours);
  workers = payment.workers;
  world.run(payment.role, topic);
}, WORLD_MS);
afterAll(async () => {
  await workers?.stop();
  await world?.close();
  await simulator?.stop();
});

const amount = 1_250 as Money;
const currency = "EUR" as Currency;

function asked(
  type: "PaymentRequested" | "PaymentRestoreRequested",
  orderId: OrderId,
  token = "",
  userId = "ann" as UserId,
): StampedeEvent {
  const more = type === "PaymentRequested" ? { amount, currency, token } : {};
  const eventId = orderEventId(orderId, type);
  const data = { orderId, userId, ...more } as never;
  return orderMessage({ type, eventId, stream: orderStream(orderId), sequence: 2, at: 0, causationId: null, data });
}
const send = (...events: StampedeEvent[]) =>
  world.rawProducer.sendAll(events.map((event) => ({ topic, key: event.aggregateId, value: JSON.stringify(event) })));
const request = (orderId: OrderId, token: string) => send(asked("PaymentRequested", orderId, token));
const restore = (orderId: OrderId) => send(asked("PaymentRestoreRequested", orderId));

/** What the saga was told of an order. */
const told = (orderId: OrderId) =>
  world.sent
    .filter(({ topic, key }) => topic === "order-processing-results" && key === orderId)
    .map(({ value }) => JSON.parse(value as string));
const hears = (orderId: OrderId, ...types: string[]) =>
  until(`${orderId} hears ${types}, heard ${told(orderId).map(({ type }) => type)}`, () => {
    const heard = told(orderId).map(({ type }) => type);
    return types.every((type) => heard.includes(type));
  });
const alarmsOf = (orderId: OrderId) =>
  world.lines.flatMap(({ fields }) => (fields.orderId === orderId && fields.alarm ? [fields.alarm] : []));
const refundAtDesk = (key: OrderId, amount: number) =>
  fetch(`${simulator.url}/simulator/refunds`, { method: "POST", body: JSON.stringify({ key, amount }) });
const row = async (orderId: OrderId) =>
  (
    await world.db.sql`
    SELECT p.*, o.outcome, o.reason, o.restored_at FROM payments p
    LEFT JOIN step_outcomes o ON o.order_id = p.order_id AND o.step = 'PAYMENT' WHERE p.order_id = ${orderId}`
  )[0]!;

test("every token ends as it should, and the provider's books equal the payments", async () => {
  const ends: Record<string, string> = {
    tok_ok: "PaymentCompleted",
    tok_decline: "PaymentFailed",
    tok_slow: "PaymentCompleted",
    tok_timeout_charged: "PaymentCompleted",
    tok_timeout_lost: "PaymentCompleted",
    tok_error: "PaymentCompleted",
    tok_duplicate_webhook: "PaymentCompleted",
    tok_of_nobody: "PaymentFailed",
  };
  await send(...Object.keys(ends).map((token) => asked("PaymentRequested", orderNamed(token), token)));
  for (const [token, end] of Object.entries(ends)) await hears(orderNamed(token), end);
  for (const [token, end] of Object.entries(ends))
    expect(told(orderNamed(token)).map(({ type }) => type)).toEqual([end]);
  expect(told(orderNamed("tok_decline"))[0].data.reason).toBe("PAYMENT_DECLINED");
  expect((await row(orderNamed("tok_decline"))).failure_reason).toBe("insufficient_funds");
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a command that comes again is answered with the same event to the letter, and charges nothing", async () => {
  const orderId = orderNamed("again");
  await request(orderId, "tok_ok");
  await hears(orderId, "PaymentCompleted");
  await request(orderId, "tok_ok");
  await until("it is answered again", () => told(orderId).length === 2);
  expect(told(orderId)[1]).toEqual(told(orderId)[0]);
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a restore gives the money back once; after it, restore and command hear Restored", async () => {
  const orderId = orderNamed("back");
  await request(orderId, "tok_ok");
  await hears(orderId, "PaymentCompleted");
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  await restore(orderId);
  await request(orderId, "tok_ok");
  await until("both are answered", () => told(orderId).length >= 4);
  const [completed, restored, ...repeated] = told(orderId);
  expect([completed.sequence, restored.sequence]).toEqual([1, 2]);
  for (const event of repeated) expect(event).toEqual(restored);
  expect(await row(orderId)).toMatchObject({ status: "REFUNDED", outcome: "COMPLETED" });
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a restore that overtakes its command leaves a tombstone: the late command is refused, the provider never asked", async () => {
  const orderId = orderNamed("overtaken");
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  await request(orderId, "tok_ok");
  await until("the command is answered", () => told(orderId).length === 2);
  expect(told(orderId)[1]).toEqual(told(orderId)[0]);
  expect(await row(orderId)).toMatchObject({ status: "VOIDED", outcome: "TOMBSTONE" });
  expect((await readBooks(simulator.url)).has(orderId)).toBe(false);
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a declined payment's restore hears Restored", async () => {
  const orderId = orderNamed("declined");
  await request(orderId, "tok_decline");
  await hears(orderId, "PaymentFailed");
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
}, 180_000);

test("a restore while it is unknown whether the card was charged: found, and refunded", async () => {
  const orderId = orderNamed("unknown-charged");
  await request(orderId, "tok_timeout_charged");
  await until("the provider was called", async () => (await readBooks(simulator.url)).has(orderId));
  await restore(orderId);
  await hears(orderId, "PaymentCompleted", "PaymentRestored");
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a restore of a payment that stays PENDING voids it", async () => {
  const orderId = orderNamed("unconfirmed");
  await request(orderId, "tok_unconfirmed");
  await until("it is PENDING", async () => (await readBooks(simulator.url)).get(orderId)?.status === "PENDING");
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  expect(await row(orderId)).toMatchObject({ status: "VOIDED", outcome: "TOMBSTONE" });
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("timeout, void, and a capture all the same: refunded without the saga", async () => {
  const orderId = orderNamed("late");
  await request(orderId, "tok_late_capture");
  await until("the provider was called", async () => (await row(orderId))?.attempts >= 1);
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  expect(await row(orderId)).toMatchObject({ status: "VOIDED", outcome: "TOMBSTONE" });
  await until("the capture appears", async () => (await readBooks(simulator.url)).get(orderId)?.status === "CAPTURED");
  const report = { orderId, providerEventId: "evt_1", outcome: "CAPTURED" as const, amount, currency };
  await send(paymentReported(report, 0), paymentReported(report, 0));
  await until("it is refunded", async () => (await row(orderId)).status === "REFUNDED");
  expect(told(orderId).map(({ type }) => type)).toEqual(["PaymentRestored"]);
  // Old news, whatever it says, changes nothing any more.
  await send(paymentReported({ ...report, providerEventId: "evt_2" }, 0));
  await until("it is read", async () => (await world.lag(topic)) === 0);
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test.each([
  ["tok_captures_less", 625, "EUR"],
  ["tok_captures_more", 1_251, "EUR"],
  ["tok_captures_dollars", 1_250, "USD"],
])(
  "%s: not what was asked for is not paid, goes back, and raises an alarm",
  async (token, there, captured_currency) => {
    const orderId = orderNamed(token);
    await request(orderId, token);
    await hears(orderId, "PaymentFailed");
    expect(told(orderId)[0].data.reason).toBe("PAYMENT_MISMATCH");
    await until("the money is back", async () => (await row(orderId)).status === "REFUNDED");
    const money = { captured_amount: String(there), refunded_amount: String(there), captured_currency };
    expect(await row(orderId)).toMatchObject({ ...money, outcome: "FAILED" });
    expect((await row(orderId)).failure_reason).toContain(`captured ${there} ${captured_currency}`);
    expect(told(orderId).map(({ type }) => type)).toEqual(["PaymentFailed"]);
    expect(alarmsOf(orderId)).toEqual(["MISMATCH"]);
    await expectBalanced(world.db.sql, simulator.url);
  },
  180_000,
);

test("a refund at the provider's own desk, in part and in whole, is asked about and written down", async () => {
  const orderId = orderNamed("desk");
  await request(orderId, "tok_ok");
  await hears(orderId, "PaymentCompleted");
  for (const [part, back, status] of [
    [250, 250, "CAPTURED"],
    [1_000, 1_250, "REFUNDED"],
  ] as const) {
    await refundAtDesk(orderId, part);
    const report = { orderId, providerEventId: `desk-${part}`, outcome: "REFUNDED" as const, amount, currency };
    await send(paymentReported(report, 0), paymentReported(report, 0));
    await until("it is known", async () => Number((await row(orderId)).refunded_elsewhere) === back);
    expect(await row(orderId)).toMatchObject({ status, refunded_amount: String(back), check_wanted: false });
  }
  expect(alarmsOf(orderId)).toEqual(["REFUNDED_ELSEWHERE", "REFUNDED_ELSEWHERE"]);
  await expectBalanced(world.db.sql, simulator.url);
  // Its order is cancelled after that: nothing is left to give back, and the saga need not wait.
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a part was refunded at the desk before we give back: the rest goes under another key", async () => {
  const orderId = orderNamed("desk-first");
  await request(orderId, "tok_ok");
  await hears(orderId, "PaymentCompleted");
  await refundAtDesk(orderId, 250);
  await restore(orderId);
  await hears(orderId, "PaymentRestored");
  expect(await row(orderId)).toMatchObject({ status: "REFUNDED", captured_amount: "1250", refunded_amount: "1250" });
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a charge that the provider refuses in its own words is declined; any other 4xx waits, and raises an alarm", async () => {
  const refused = orderNamed("tok_refused");
  const unclear = ["tok_unauthorized", "tok_conflict", "tok_too_many"];
  await send(
    asked("PaymentRequested", refused, "tok_refused"),
    ...unclear.map((token) => asked("PaymentRequested", orderNamed(token), token)),
  );
  await hears(refused, "PaymentFailed");
  expect(await row(refused)).toMatchObject({
    status: "DECLINED",
    failure_reason: "UNSUPPORTED_CARD",
    reason: "PAYMENT_DECLINED",
  });
  for (const token of unclear) {
    await hears(orderNamed(token), "PaymentCompleted");
    expect(alarmsOf(orderNamed(token))).toEqual(["CALL_REFUSED"]);
  }
  const asked429 = await row(orderNamed("tok_too_many"));
  expect(asked429.updated_at.getTime() - asked429.created_at.getTime()).toBeGreaterThanOrEqual(1_000); // Retry-After: 1
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("slow cards do not make the provider ill: those that come after them are paid at once", async () => {
  const slow = Array.from({ length: 12 }, (_, i) => orderNamed(`slow-${i}`));
  await send(...slow.map((orderId) => asked("PaymentRequested", orderId, "tok_slow")));
  for (const orderId of slow) await hears(orderId, "PaymentCompleted");
  expect(world.lines.filter(({ message }) => message.includes("provider is ill"))).toEqual([]);
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("one user's forty odd payments do not hold up other users", async () => {
  const odd = Array.from({ length: 40 }, (_, i) => orderNamed(`odd-${i}`));
  await send(...odd.map((orderId) => asked("PaymentRequested", orderId, "tok_error")));
  await until("each was tried", async () => {
    const [row] = await world.db.sql`
      SELECT count(*)::int AS n FROM payments WHERE order_id = ANY (${textArray(odd)}::text[]) AND (attempts > 0 OR status = 'CAPTURED')`;
    return row!.n === 40;
  });
  const healthy = orderNamed("healthy");
  await send(asked("PaymentRequested", healthy, "tok_ok", "ben" as UserId));
  await hears(healthy, "PaymentCompleted");
  expect(world.lines.filter(({ message }) => message.includes("provider is ill"))).toEqual([]);
  for (const orderId of odd) await hears(orderId, "PaymentCompleted");
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a provider that is away cancels no order: all are paid when it is back, each once", async () => {
  const mode = (mode: string) =>
    fetch(`${simulator.url}/simulator/mode`, { method: "PUT", body: JSON.stringify({ mode }) });
  await mode("down");
  const orders = Array.from({ length: 20 }, (_, i) => orderNamed(`away-${i}`));
  await send(...orders.map((orderId, i) => asked("PaymentRequested", orderId, "tok_ok", `customer-${i}` as UserId)));
  await until("an operator is told", () => world.lines.some(({ message }) => message.includes("provider is ill")));
  expect(orders.flatMap(told)).toEqual([]);
  await mode("up");
  for (const orderId of orders) await hears(orderId, "PaymentCompleted");
  await expectBalanced(world.db.sql, simulator.url);
}, 180_000);

test("a command that can't be read fails its order and is put aside, and the rest of its batch goes on", async () => {
  const orderId = orderNamed("beside");
  const unreadable = orderNamed("unreadable");
  const broken = {
    topic,
    key: "x",
    value: JSON.stringify({ type: "PaymentRequested", data: { orderId: unreadable } }),
  };
  await world.rawProducer.sendAll([broken]);
  await send(
    asked("PaymentRequested", orderId, "tok_ok"),
    paymentReported(
      { orderId: orderNamed("stranger"), providerEventId: "e", outcome: "CAPTURED", amount, currency },
      0,
    ),
  );
  await hears(orderId, "PaymentCompleted");
  expect(await world.read(`${topic}.DLT`, 1)).toHaveLength(1);
  await hears(unreadable, "PaymentFailed");
  expect(told(unreadable)[0].data.reason).toBe("INTERNAL");
  await until("the stranger is told of", () => world.lines.some(({ message }) => message.includes("unknown payment")));
  expect(alarmsOf(orderNamed("stranger"))).toEqual(["UNKNOWN_PAYMENT"]);
  expect(await world.neighbours.metrics.text()).toContain('stampede_payment_alarms_total{alarm="UNKNOWN_PAYMENT"} 1');
}, 180_000);
