import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { TransactionSql } from "postgres";
import { createDatabase, type Database } from "../../db/client.ts";
import type { CheckName, CheckResult } from "../../verify/check.ts";
import { readBooks } from "../../verify/orders/books.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { createHealthyOrders, type HealthyOrders, type Kind } from "./healthy-orders.ts";
import { openShop, type VerifiedShop } from "./shop.ts";

setDefaultTimeout(180_000);

let place: TestDatabase;
let database: Database;
let shop: VerifiedShop;
let healthy: HealthyOrders;
beforeAll(async () => {
  place = await freshDatabase();
  database = createDatabase(place.url, { max: 4, name: "books-test" });
  shop = openShop(database.sql);
  healthy = await createHealthyOrders(database.sql, shop);
}, 180_000);
afterAll(async () => {
  await shop?.close();
  await database?.close();
  await place?.drop();
});

const GRACE_MS = 60_000;
class Undone extends Error {}

/** What the books say once `plant` has been at them; afterwards they are as they were. */
async function read(plant: (tx: TransactionSql) => Promise<unknown>): Promise<CheckResult[]> {
  let verdicts: readonly CheckResult[] = [];
  const planted = database.sql.begin("isolation level repeatable read", async (tx) => {
    await plant(tx);
    ({ verdicts } = await readBooks(tx, GRACE_MS));
    throw new Undone();
  });
  await planted.catch((error) => {
    if (!(error instanceof Undone)) throw error;
  });
  return verdicts.filter(({ violations }) => violations.length > 0);
}

test("orders that completed, failed in every way, or are under way are as they should be", async () => {
  const ends = await database.sql`SELECT user_id, status, failure_reason FROM orders ORDER BY user_id`;
  expect(ends.map(({ user_id, status, failure_reason }) => `${user_id} ${failure_reason ?? status}`)).toEqual([
    "declined PAYMENT_DECLINED",
    "free COMPLETED",
    "paid COMPLETED",
    "plain COMPLETED",
    "scarce INSUFFICIENT_STOCK",
    "underway PROCESSING",
    "undoing SHIPPING_NOT_SERVED",
    "unreachable SHIPPING_NOT_SERVED",
  ]);
  expect(await read(async () => {})).toEqual([]);
});

type Plant = (tx: TransactionSql, id: Readonly<Record<Kind, string>>) => Promise<unknown>;
/** What, how, and who must name it. */
type Corruption = readonly [string, Plant, ...CheckName[]];

const stock: Corruption[] = [
  ["a piece that never came in", (tx) => tx`UPDATE products SET stock = stock + 1 WHERE id = 'mug'`, "stock-balances"],
  ["a restock without its movement", (tx) => tx`DELETE FROM stock_movements WHERE kind = 'RESTOCK'`, "stock-balances"],
  ["a stock below nothing", async (tx) => {
    await tx`ALTER TABLE products DROP CONSTRAINT products_stock`;
    await tx`UPDATE products SET stock = -1, reserved = reserved + stock + 1 WHERE id = 'mug'`;
  }, "stock-balances"],
  ["a product's own count of what is reserved", (tx) => tx`UPDATE products SET reserved = reserved + 1 WHERE id = 'mug'`, "stock-balances"],
  ["a completed order that sold nothing", (tx, id) => tx`UPDATE stock_reservations SET status = 'RESERVED' WHERE order_id = ${id.paid} AND product_id = 'mug'`, "reservations-match", "sales-counted"],
  ["a cancelled order that still holds a piece", (tx, id) => tx`UPDATE stock_reservations SET status = 'RESERVED' WHERE order_id = ${id.declined} AND product_id = 'cup'`, "reservations-match", "stock-balances"],
  ["an order under way that is sold already", (tx, id) => tx`UPDATE stock_reservations SET status = 'CONFIRMED' WHERE order_id = ${id.underway} AND product_id = 'cup'`, "reservations-match", "sales-counted"],
  ["an order under way that lost a line", async (tx, id) => {
    await tx`DELETE FROM stock_reservations WHERE order_id = ${id.underway} AND product_id = 'cup'`;
    await tx`UPDATE products SET stock = stock + 1, reserved = reserved - 1 WHERE id = 'cup'`;
  }, "reservations-match"],
  ["another quantity than was ordered", async (tx, id) => {
    await tx`UPDATE stock_reservations SET quantity = 3 WHERE order_id = ${id.underway} AND product_id = 'mug'`;
    await tx`UPDATE products SET stock = stock - 1, reserved = reserved + 1 WHERE id = 'mug'`;
  }, "reservations-match"],
  ["a product that was not ordered", (tx, id) => tx`INSERT INTO stock_reservations (order_id, product_id, quantity, status) VALUES (${id.paid}, 'gold', 1, 'RELEASED')`, "reservations-match"],
  ["a reservation of no order", (tx) => tx`INSERT INTO stock_reservations (order_id, product_id, quantity, status) VALUES ('nobody', 'mug', 1, 'RELEASED')`, "reservations-match"],
  ["a reservation of nothing", (tx, id) => tx`INSERT INTO stock_reservations (order_id, product_id, quantity) VALUES (${id.paid}, 'air', 1)`, "reservations-match", "stock-balances"],
  ["a sale that was counted twice", (tx) => tx`UPDATE product_sales SET quantity = quantity + 2 WHERE product_id = 'mug'`, "sales-counted"],
  ["a day of sales that is lost", (tx) => tx`DELETE FROM product_sales WHERE product_id = 'mug'`, "sales-counted"],
]; // biome-ignore format: one corruption a line

const money: Corruption[] = [
  ["points from nowhere", (tx) => tx`UPDATE point_balances SET balance = balance + 1 WHERE user_id = 'plain'`, "points-balance"],
  ["a grant without its entry", (tx) => tx`DELETE FROM point_ledger WHERE user_id = 'plain'`, "points-balance"],
  ["a balance that is gone", (tx) => tx`DELETE FROM point_balances WHERE user_id = 'plain'`, "points-balance"],
  ["a balance below nothing", async (tx) => {
    await tx`ALTER TABLE point_balances DROP CONSTRAINT point_balances_balance`;
    await tx`UPDATE point_balances SET balance = -1 WHERE user_id = 'plain'`;
    await tx`INSERT INTO point_ledger (user_id, delta) VALUES ('plain', -5001)`;
  }, "points-balance"],
  ["a completed order that took no points", async (tx, id) => {
    await tx`DELETE FROM point_ledger WHERE order_id = ${id.paid}`;
    await tx`UPDATE point_balances SET balance = balance + 500 WHERE user_id = 'paid'`;
  }, "points-match"],
  ["a cancelled order that kept its points", async (tx, id) => {
    await tx`DELETE FROM point_ledger WHERE order_id = ${id.declined} AND delta > 0`;
    await tx`UPDATE point_balances SET balance = balance - 500 WHERE user_id = 'declined'`;
  }, "points-match"],
  ["half of an order's points", async (tx, id) => {
    await tx`UPDATE point_ledger SET delta = -250 WHERE order_id = ${id.underway}`;
    await tx`UPDATE point_balances SET balance = balance + 250 WHERE user_id = 'underway'`;
  }, "points-match"],
  ["points of another user", async (tx, id) => {
    await tx`UPDATE point_ledger SET user_id = 'plain' WHERE order_id = ${id.paid}`;
    await tx`UPDATE point_balances SET balance = balance + CASE user_id WHEN 'plain' THEN -500 ELSE 500 END WHERE user_id IN ('plain', 'paid')`;
  }, "points-match"],
  ["points for an order that is not there", async (tx) => {
    await tx`INSERT INTO point_ledger (user_id, order_id, delta) VALUES ('plain', 'nothing', -1)`;
    await tx`UPDATE point_balances SET balance = balance - 1 WHERE user_id = 'plain'`;
  }, "points-match"],
  ["a completed order whose coupon can be used again", (tx, id) => tx`UPDATE user_coupons SET status = 'ACTIVE', order_id = NULL WHERE order_id = ${id.paid}`, "coupons-match"],
  ["an order under way that lost its coupon", (tx, id) => tx`UPDATE user_coupons SET status = 'ACTIVE', order_id = NULL WHERE order_id = ${id.underway}`, "coupons-match"],
  ["a coupon used by no order", (tx) => tx`UPDATE user_coupons SET status = 'USED' WHERE user_id = 'plain'`, "coupons-match"],
  ["a coupon used by an order that is not there", (tx) => tx`UPDATE user_coupons SET status = 'USED', order_id = 'nothing' WHERE user_id = 'plain'`, "coupons-match"],
  ["a coupon used by an order without one", (tx, id) => tx`UPDATE user_coupons SET status = 'USED', order_id = ${id.plain} WHERE user_id = 'plain'`, "coupons-match"],
  ["a coupon used by a cancelled order", (tx, id) => tx`UPDATE user_coupons SET status = 'USED', order_id = ${id.declined} WHERE user_id = 'declined'`, "coupons-match"],
  ["a coupon used by another user's order", (tx, id) => tx`UPDATE user_coupons SET user_id = 'stranger' WHERE order_id = ${id.paid}`, "coupons-match"],
  ["a coupon that is free and has an order", (tx, id) => tx`UPDATE user_coupons SET status = 'ACTIVE' WHERE order_id = ${id.paid}`, "coupons-match"],
  ["a completed order with its money back", (tx, id) => tx`UPDATE payments SET status = 'REFUNDED', refunded_amount = captured_amount WHERE order_id = ${id.paid}`, "payments-match"],
  ["a completed order that was not paid", (tx, id) => tx`DELETE FROM payments WHERE order_id = ${id.paid}`, "payments-match"],
  ["a completed order whose money is to go back", (tx, id) => tx`UPDATE payments SET return_wanted = true WHERE order_id = ${id.paid}`, "payments-match"],
  ["a cancelled order whose money was kept", (tx, id) => tx`UPDATE payments SET status = 'CAPTURED', refunded_amount = 0, return_wanted = false WHERE order_id = ${id.unreachable}`, "payments-match"],
  ["a cancelled order that may have been charged", (tx, id) => tx`UPDATE payments SET status = 'INTENT' WHERE order_id = ${id.declined}`, "payments-match"],
  ["more captured than there was to pay", (tx, id) => tx`UPDATE payments SET captured_amount = captured_amount + 1 WHERE order_id = ${id.undoing}`, "payments-match"],
  ["another amount asked for than there is to pay", (tx, id) => tx`UPDATE payments SET amount = amount + 1 WHERE order_id = ${id.paid}`, "payments-match"],
  ["an order paid in another currency", (tx, id) => tx`UPDATE payments SET captured_currency = 'USD' WHERE order_id = ${id.paid}`, "payments-match"],
  ["a payment asked for in another currency", (tx, id) => tx`UPDATE payments SET currency = 'USD' WHERE order_id = ${id.paid}`, "payments-match"],
  ["an order in another currency than its saga's", (tx, id) => tx`UPDATE orders SET currency = 'USD' WHERE id = ${id.underway}`, "sagas-agree"],
  ["money taken before the step says so", (tx, id) => tx`INSERT INTO payments (order_id, amount, captured_amount, status) VALUES (${id.underway}, 1900, 1900, 'CAPTURED')`, "payments-match"],
  ["a payment for an order that is not there", (tx) => tx`INSERT INTO payments (order_id) VALUES ('nothing')`, "payments-match"],
  ["a completed order that is not shipped", (tx, id) => tx`DELETE FROM shipments WHERE order_id = ${id.paid}`, "shipments-match"],
  ["a completed order whose shipment is cancelled", (tx, id) => tx`UPDATE shipments SET status = 'CANCELLED' WHERE order_id = ${id.paid}`, "shipments-match"],
  ["a cancelled order that is shipped", (tx, id) => tx`INSERT INTO shipments (order_id, country) VALUES (${id.declined}, 'DE')`, "shipments-match"],
  ["an order under way that is shipped already", (tx, id) => tx`INSERT INTO shipments (order_id, country) VALUES (${id.underway}, 'DE')`, "shipments-match"],
  ["a shipment of no order", (tx) => tx`INSERT INTO shipments (order_id, country, status) VALUES ('nobody', 'DE', 'CANCELLED')`, "shipments-match"],
]; // biome-ignore format: one corruption a line

const states: Corruption[] = [
  ["a line at another price", (tx, id) => tx`UPDATE order_items SET unit_price = unit_price + 1 WHERE order_id = ${id.paid} AND product_id = 'cup'`, "amounts-add-up"],
  ["amounts that don't add up", async (tx, id) => {
    await tx`ALTER TABLE orders DROP CONSTRAINT orders_amounts`;
    await tx`UPDATE orders SET discount_amount = discount_amount + 1 WHERE id = ${id.paid}`;
  }, "amounts-add-up", "sagas-agree"],
  ["an order that was made cheaper", async (tx, id) => {
    await tx`UPDATE orders SET total_amount = total_amount - 100, payable_amount = payable_amount - 100 WHERE id = ${id.scarce}`;
    await tx`UPDATE order_items SET unit_price = unit_price - 100 WHERE order_id = ${id.scarce} AND product_id = 'cup'`;
  }, "sagas-agree"],
  ["an order without lines", (tx, id) => tx`DELETE FROM order_items WHERE order_id = ${id.scarce}`, "amounts-add-up"],
  ["lines without an order", (tx) => tx`INSERT INTO order_items VALUES ('nothing', 'mug', 1, 1)`, "amounts-add-up"],
  ["an order that its saga sees elsewhere", (tx, id) => tx`UPDATE orders SET status = 'CANCELLING' WHERE id = ${id.underway}`, "sagas-agree"],
  ["a saga whose row and state differ", (tx, id) => tx`UPDATE order_sagas SET state = jsonb_set(state::jsonb, '{status}', '"PENDING"') WHERE order_id = ${id.paid}`, "sagas-agree"],
  ["an order without a saga", (tx, id) => tx`DELETE FROM order_sagas WHERE order_id = ${id.plain}`, "outcomes-agree", "sagas-agree"],
  ["a saga whose order is gone", async (tx, id) => {
    await tx`UPDATE order_sagas SET order_id = 'gone', status = 'PROCESSING', state = jsonb_set(state::jsonb, '{status}', '"PROCESSING"') WHERE order_id = ${id.scarce}`;
    await tx`UPDATE step_outcomes SET order_id = 'gone' WHERE order_id = ${id.scarce}`;
    await tx`UPDATE order_sagas SET due_at = now() WHERE order_id = 'gone'`;
    await tx`DELETE FROM orders WHERE id = ${id.scarce}`;
    await tx`DELETE FROM order_items WHERE order_id = ${id.scarce}`;
    await tx`DELETE FROM point_ledger WHERE order_id = ${id.scarce}`;
  }, "sagas-agree"],
  ["a refusal that its step forgot", (tx, id) => tx`DELETE FROM step_outcomes WHERE order_id = ${id.scarce} AND step = 'STOCK'`, "outcomes-agree"],
  ["a refusal that was none", (tx, id) => tx`UPDATE step_outcomes SET outcome = 'TOMBSTONE', reason = NULL WHERE order_id = ${id.scarce} AND step = 'STOCK'`, "outcomes-agree"],
  ["a completed step that was taken back", (tx, id) => tx`UPDATE step_outcomes SET restored_at = now() WHERE order_id = ${id.paid} AND step = 'SHIPPING'`, "outcomes-agree", "shipments-match"],
  ["a completed order with a step under way", (tx, id) => tx`UPDATE order_sagas SET state = jsonb_set(state::jsonb, '{steps,SHIPPING,status}', '"REQUESTED"') WHERE order_id = ${id.paid}`, "outcomes-agree"],
  ["a cancelled order with a step that was not taken back", (tx, id) => tx`UPDATE order_sagas SET state = jsonb_set(state::jsonb, '{steps,STOCK,status}', '"RESTORING"') WHERE order_id = ${id.declined}`, "outcomes-agree"],
  ["a restore that its step forgot", (tx, id) => tx`DELETE FROM step_outcomes WHERE order_id = ${id.declined} AND step = 'POINT'`, "outcomes-agree"],
  ["a restore that was not done", async (tx, id) => {
    await tx`UPDATE step_outcomes SET restored_at = NULL WHERE order_id = ${id.declined} AND step = 'COUPON'`;
    await tx`UPDATE user_coupons SET status = 'USED', order_id = ${id.declined} WHERE user_id = 'declined'`;
  }, "coupons-match", "outcomes-agree"],
  ["a step that a cancelled order never asked", (tx, id) => tx`INSERT INTO step_outcomes (order_id, step, outcome) VALUES (${id.declined}, 'SHIPPING', 'COMPLETED')`, "outcomes-agree", "shipments-match"],
  ["a step that was not requested", (tx, id) => tx`INSERT INTO step_outcomes (order_id, step, outcome) VALUES (${id.free}, 'PAYMENT', 'COMPLETED')`, "outcomes-agree"],
  ["a step of an order that is not there", (tx) => tx`INSERT INTO step_outcomes (order_id, step, outcome) VALUES ('nothing', 'STOCK', 'TOMBSTONE')`, "outcomes-agree"],
  ["an order beyond its time", (tx, id) => tx`UPDATE order_sagas SET settle_by = now() - interval '2 minutes' WHERE order_id = ${id.underway}`, "orders-settle"],
  ["an order that no sweeper sees", (tx, id) => tx`UPDATE order_sagas SET due_at = NULL WHERE order_id = ${id.underway}`, "orders-settle"],
  ["a compensation beyond its time", (tx, id) => tx`UPDATE order_sagas SET settle_by = now() - interval '2 minutes' WHERE order_id = ${id.undoing}`, "compensations-end"],
  ["a late capture that does not go back", (tx, id) => tx`UPDATE payments SET status = 'CAPTURED', captured_amount = 1900, return_wanted = true, attempts = 20 WHERE order_id = ${id.declined}`, "compensations-end"],
]; // biome-ignore format: one corruption a line

/** These the database forbids; it may have been restored without its constraints. */
const repeated: Corruption[] = [
  ["a step that was decided twice", async (tx, id) => {
    await tx`ALTER TABLE step_outcomes DROP CONSTRAINT step_outcomes_order_id_step_pk`;
    await tx`INSERT INTO step_outcomes (order_id, step, outcome) SELECT order_id, step, outcome FROM step_outcomes WHERE order_id = ${id.paid} AND step = 'STOCK'`;
  }, "one-effect-per-order"],
  ["two payments of one order", async (tx, id) => {
    await tx`ALTER TABLE payments DROP CONSTRAINT payments_order`;
    await tx`INSERT INTO payments (order_id, status) VALUES (${id.declined}, 'VOIDED')`;
  }, "one-effect-per-order"],
  ["two shipments of one order", async (tx, id) => {
    await tx`ALTER TABLE shipments DROP CONSTRAINT shipments_order`;
    await tx`INSERT INTO shipments (order_id, country) VALUES (${id.paid}, 'DE')`;
  }, "one-effect-per-order"],
  ["points that were taken twice", async (tx, id) => {
    await tx`DROP INDEX point_ledger_order`;
    await tx`INSERT INTO point_ledger (user_id, order_id, delta) VALUES ('paid', ${id.paid}, -500)`;
    await tx`UPDATE point_balances SET balance = balance - 500 WHERE user_id = 'paid'`;
  }, "one-effect-per-order", "points-match"],
  ["a line that was reserved twice", async (tx, id) => {
    await tx`ALTER TABLE stock_reservations DROP CONSTRAINT stock_reservations_order_id_product_id_pk`;
    await tx`INSERT INTO stock_reservations (order_id, product_id, quantity) VALUES (${id.underway}, 'mug', 2)`;
    await tx`UPDATE products SET stock = stock - 2, reserved = reserved + 2 WHERE id = 'mug'`;
  }, "one-effect-per-order"],
  ["two coupons for one order", (tx, id) => tx`UPDATE user_coupons SET status = 'USED', order_id = ${id.paid} WHERE user_id = 'plain'`, "coupons-match", "one-effect-per-order"],
  ["two orders under one key", async (tx) => {
    await tx`ALTER TABLE orders DROP CONSTRAINT orders_idempotency_key`;
    await tx`UPDATE orders SET user_id = 'scarce' WHERE user_id = 'plain'`;
  }, "one-effect-per-order", "sagas-agree"],
  ["an order that is there twice", async (tx, id) => {
    await tx`ALTER TABLE orders DROP CONSTRAINT orders_pkey, DROP CONSTRAINT orders_idempotency_key`;
    await tx`INSERT INTO orders SELECT * FROM orders WHERE id = ${id.scarce}`;
  }, "one-effect-per-order"],
  ["two sagas of one order", async (tx, id) => {
    await tx`ALTER TABLE order_sagas DROP CONSTRAINT order_sagas_pkey`;
    await tx`INSERT INTO order_sagas SELECT * FROM order_sagas WHERE order_id = ${id.scarce}`;
  }, "one-effect-per-order"],
]; // biome-ignore format: one corruption a line

test.each([...stock, ...money, ...states, ...repeated])(
  "%s: named, and nothing else is accused",
  async (_, plant, ...named) => {
    const wrong = await read((tx) => plant(tx, healthy.orders));
    expect(wrong.map(({ name }) => name).sort()).toEqual(named.sort());
  },
);

const innocents: [string, Plant][] = [
  ["a paid order, of which the provider refunded a part at its own desk", (tx, id) => tx`UPDATE payments SET refunded_amount = 100, refunded_elsewhere = 100 WHERE order_id = ${id.paid}`],
  ["more than was asked for, that went back whole", (tx, id) => tx`UPDATE payments SET status = 'REFUNDED', captured_amount = 999999, refunded_amount = 999999, return_wanted = true WHERE order_id = ${id.declined}`],
  ["a late capture of a cancelled order that is just going back", (tx, id) => tx`UPDATE payments SET status = 'CAPTURED', captured_amount = 1900, return_wanted = true WHERE order_id = ${id.declined}`],
  ["an order that ran out of time a moment ago", (tx, id) => tx`UPDATE order_sagas SET settle_by = now() - interval '59 seconds' WHERE order_id IN (${id.underway}, ${id.undoing})`],
  ["an order that the database refused: it has a saga alone", async (tx, id) => {
    await tx`INSERT INTO order_sagas (order_id, status, state) SELECT 'refused', 'CANCELLED',
      jsonb_set(state::jsonb, '{status}', '"CANCELLED"') || '{"steps": {"STOCK": {"status": "PENDING"}}}' FROM order_sagas WHERE order_id = ${id.paid}`;
  }],
  ["a cancellation that came before its order", (tx) => tx`INSERT INTO order_sagas (order_id, status, state) VALUES ('to come', 'PENDING', '{"status": "PENDING", "order": null, "steps": {}}')`],
  ["a step that is done, and that the saga has not heard of", (tx, id) => tx`UPDATE order_sagas SET state = jsonb_set(state::jsonb, '{steps,POINT,status}', '"REQUESTED"') WHERE order_id = ${id.underway}`],
]; // biome-ignore format: one a line

test.each(innocents)("%s is no violation", async (_, plant) => {
  expect(await read((tx) => plant(tx, healthy.orders))).toEqual([]);
});

test("what is wrong is said in words, with the order, and for which step it waits", async () => {
  const { undoing, declined } = healthy.orders;
  const wrong = await read(async (tx) => {
    await tx`UPDATE order_sagas SET settle_by = now() - interval '2 minutes' WHERE order_id = ${undoing}`;
    await tx`UPDATE user_coupons SET status = 'USED', order_id = ${declined} WHERE user_id = 'declined'`;
    await tx`UPDATE products SET stock = stock + 1 WHERE id = 'mug'`;
  });
  expect(wrong.flatMap(({ violations }) => violations)).toEqual([
    "product mug: 18 in stock and 8 reserved or sold are not the 25 that came in",
    expect.stringMatching(new RegExp(`^coupon \\S+: USED by order ${declined}, which is CANCELLED$`)),
    `order ${undoing}: COMPENSATING 120 s after its time, waits for PAYMENT RESTORING`,
  ]);
});
