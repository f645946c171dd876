import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TransactionSql } from "postgres";
import { changePayments } from "../../consumers/payment/change-payments.ts";
import { learn } from "../../consumers/payment/evolve.ts";
import type { Payment } from "../../consumers/payment/payment.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { Sql } from "../../db/client.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import { orderNamed } from "./provider-books.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

test("a transaction that waited for a payment's lock sees the outcome that was written meanwhile", async () => {
  const { sql } = world.db;
  const orderId = orderNamed("waited");
  const currency = "EUR" as Currency;
  const [amount, refunded] = [100 as Money, 0 as Money];
  const fresh = { orderId, userId: "ann", amount, currency, token: "t", status: "INTENT" as const };
  await changePayments(sql, [orderId], (payment) => payment, [fresh]);
  let seen: Payment | undefined;
  let second: Promise<unknown> | undefined;
  await sql.begin(async (tx) => {
    await tx`SELECT FROM payments WHERE order_id = ${orderId} FOR UPDATE`;
    second = changePayments(sql, [orderId], (payment) => {
      seen = payment;
      return payment;
    });
    await until("the second waits for the lock", async () => {
      const [row] = await sql`
        SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return row!.waiting === 1;
    });
    const paid = { kind: "captured" as const, captured: amount, refunded, currency, reference: "p" };
    await changePayments(nested(tx), [orderId], (payment) => learn(payment, paid, Date.now()));
  });
  await second;
  expect(seen).toMatchObject({ status: "CAPTURED", outcome: { outcome: "COMPLETED" } });
}, 60_000);

/** Its `begin` joins the transaction that is under way. */
const nested = (tx: TransactionSql): Sql => ({ begin: (work: never) => tx.savepoint(work) }) as never;
