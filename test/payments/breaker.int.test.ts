import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PaymentProvider, ProviderAnswer } from "../../consumers/payment/provider.ts";
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
const pay = (orderIds: readonly OrderId[], userOf: (i: number) => string) =>
  insertPayments(
    world.db.sql,
    orderIds.map((orderId, i) => ({ orderId, userId: userOf(i), amount, currency, token: "t", status: "INTENT" })),
  );

test("odd payments of many users open the breaker; a new one of another user is tried within two tries and closes it", async () => {
  const odd = Array.from({ length: 40 }, (_, i) => orderNamed(`odd-${i}`));
  const healthy = orderNamed("healthy");
  const calls: OrderId[] = [];
  const answer = async (orderId: OrderId): Promise<Exclude<ProviderAnswer, { kind: "not-found" }>> => {
    calls.push(orderId);
    return orderId === healthy
      ? { kind: "captured", captured: amount, refunded: 0 as Money, currency, reference: "p" }
      : { kind: "unknown", why: "status 500" };
  };
  const provider: PaymentProvider = {
    charge: ({ orderId }) => answer(orderId),
    find: answer,
    void: answer,
    refund: answer,
  };
  await pay(odd, (i) => `user-${i}`);
  const turns: boolean[] = [];
  const workers = startWorkers({
    sql: world.db.sql,
    provider,
    producer: world.producer,
    fault: () => {},
    owner: "me",
    concurrency: 50,
    timeoutMs: 50,
    retryMs: 20,
    breakerMs: 100,
    log: world.log,
    onError: (error) => world.log.error({ error: String(error) }, "settling failed"),
    observe: { called() {}, breaker: (open) => void turns.push(open), alarm() {} },
  });
  try {
    await until("each was tried, and an old one again while the breaker is open", () => calls.length > odd.length);
    expect(new Set(calls).size).toBe(odd.length);
    expect(turns).toEqual([true]);
    const before = calls.length;
    await pay([healthy], () => "ann");
    await until("the healthy one is paid", async () => {
      const [row] = await world.db.sql`SELECT status FROM payments WHERE order_id = ${healthy}`;
      return row!.status === "CAPTURED";
    });
    expect(turns.slice(0, 2)).toEqual([true, false]);
    // At the most one try was under way, and one was an old one's turn.
    expect(calls.indexOf(healthy) - before).toBeLessThanOrEqual(2);
  } finally {
    await workers.stop();
  }
}, 60_000);
