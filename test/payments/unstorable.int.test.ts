import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Definite, PaymentProvider } from "../../consumers/payment/provider.ts";
import { startWorkers } from "../../consumers/payment/workers.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { insertPayments } from "../../db/payments/rows.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import { orderNamed } from "./provider-books.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const currency = "EUR" as Currency;
const amount = 100 as Money;
const paid: Definite = { kind: "captured", captured: amount, refunded: 0 as Money, currency, reference: "p" };
/** More went back than was taken: no row of ours can say so. */
const absurd: Definite = { ...paid, refunded: 101 as Money };

test("an answer that the database refuses does not hold up the others: they are settled, and its order has one worker", async () => {
  const bad = orderNamed("absurd");
  const good = Array.from({ length: 20 }, (_, i) => orderNamed(`sound-${i}`));
  const calls: OrderId[] = [];
  let atWork = 0;
  let atMost = 0;
  const answer = async (orderId: OrderId) => {
    calls.push(orderId);
    if (orderId === bad) atMost = Math.max(atMost, ++atWork);
    await Bun.sleep(20);
    if (orderId === bad) atWork--;
    return orderId === bad ? absurd : paid;
  };
  const provider: PaymentProvider = {
    charge: ({ orderId }) => answer(orderId),
    find: answer,
    void: answer,
    refund: answer,
  };
  await insertPayments(
    world.db.sql,
    [bad, ...good].map((orderId) => ({ orderId, userId: "ann", amount, currency, token: "t", status: "INTENT" })),
  );
  const alarms: string[] = [];
  const workers = startWorkers({
    sql: world.db.sql,
    provider,
    producer: world.producer,
    fault: () => {},
    owner: "me",
    concurrency: 30,
    timeoutMs: 50,
    retryMs: 20,
    breakerMs: 1_000,
    log: world.log,
    onError: (error) => world.log.error({ error: String(error) }, "settling failed"),
    observe: { called() {}, breaker() {}, alarm: (kind) => void alarms.push(kind) },
  });
  try {
    await until("the others are paid", async () => {
      const [row] = await world.db.sql`SELECT count(*)::int AS paid FROM payments WHERE status = 'CAPTURED'`;
      return row!.paid === good.length;
    });
    await until("it is asked for again", () => calls.filter((orderId) => orderId === bad).length >= 3);
    expect(atMost).toBe(1);
    for (const orderId of good) expect(calls.filter((one) => one === orderId)).toHaveLength(1);
    expect(alarms.slice(0, 2)).toEqual(["NOT_STORED", "NOT_STORED"]);
    const [row] = await world.db.sql`SELECT status, failure_reason, lease_owner FROM payments WHERE order_id = ${bad}`;
    expect(row).toMatchObject({ status: "INTENT" });
    expect(row!.failure_reason).toStartWith("the database refuses the provider's answer: 23514");
  } finally {
    await workers.stop();
  }
  expect(workers.busy()).toBe(0);
}, 60_000);
