import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { sqlState } from "../../db/errors.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 4, name: "test" });
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

/** null: the statement was taken; otherwise the SQLSTATE and the constraint that refused it. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => `${sqlState(error)} ${error.constraint_name}`,
  );
const run = (statement: string) => refusal(db.sql.unsafe(statement));

let count = 0;
const next = (prefix: string) => `${prefix}-${++count}`;
async function newProduct(stock: number): Promise<string> {
  const id = next("product");
  await db.sql`INSERT INTO products (id, name, stock, price) VALUES (${id}, 'x', ${stock}, 100)`;
  return id;
}

test("a product's stock never falls below 0, nor does what is reserved: nothing is restored twice", async () => {
  const id = await newProduct(5);
  const take = (n: number) =>
    refusal(db.sql`UPDATE products SET stock = stock - ${n}, reserved = reserved + ${n} WHERE id = ${id}`);
  expect(await take(6)).toBe("23514 products_stock");
  expect(await take(5)).toBeNull();
  expect(await take(-5)).toBeNull();
  expect(await take(-1)).toBe("23514 products_reserved");
  expect(await run("INSERT INTO products (id, stock, price) VALUES ('p', 1, -1)")).toBe("23514 products_price");
  expect(await run("INSERT INTO products (id, stock, price, currency) VALUES ('p', 1, 1, 'eur')")).toBe(
    "23514 products_currency",
  );
  expect(await run("INSERT INTO products (id, stock, price) VALUES ('p', 1000000001, 1)")).toBe("23514 products_stock");
});

test("the first stock of every product is a movement, for every writer and many products at once", async () => {
  await db.sql`INSERT INTO products (id, stock, price) SELECT 'many-' || n, n, 1 FROM generate_series(0, 99) n`;
  const rows = await db.sql`
    SELECT p.stock, m.quantity, m.kind FROM products p JOIN stock_movements m ON m.product_id = p.id
    WHERE p.id LIKE 'many-%' ORDER BY p.stock`;
  expect(rows.map(({ stock, quantity, kind }) => ({ stock, quantity, kind }))).toEqual(
    Array.from({ length: 100 }, (_, n) => ({ stock: n, quantity: n, kind: "INITIAL" })),
  );
});

test("an order reserves a product once, and the row knows only the three states", async () => {
  const insert = (order: string, quantity: number, status = "RESERVED") =>
    refusal(
      db.sql`INSERT INTO stock_reservations (order_id, product_id, quantity, status)
             VALUES (${order}, 'p1', ${quantity}, ${status})`,
    );
  expect(await insert("o1", 1)).toBeNull();
  expect(await insert("o1", 2)).toBe("23505 stock_reservations_order_id_product_id_pk");
  expect(await insert("o2", 0)).toBe("23514 stock_reservations_quantity");
  expect(await insert("o2", 1, "SOLD")).toBe("23514 stock_reservations_status");
});

test("points: no balance below 0, and an order takes once and gives back once", async () => {
  expect(await run("INSERT INTO point_balances (user_id, balance) VALUES ('ann', -1)")).toBe(
    "23514 point_balances_balance",
  );
  const book = (order: string | null, delta: number) =>
    refusal(db.sql`INSERT INTO point_ledger (user_id, order_id, delta) VALUES ('ann', ${order}, ${delta})`);
  expect(await book("o1", -10)).toBeNull();
  expect(await book("o1", -10)).toBe("23505 point_ledger_order");
  expect(await book("o1", 10)).toBeNull();
  expect(await book("o1", 1)).toBe("23505 point_ledger_order");
  expect(await book(null, 10)).toBeNull();
  expect(await book(null, 10)).toBeNull();
  expect(await book(null, 0)).toBe("23514 point_ledger_delta");
});

const order = (values: Record<string, unknown>) => {
  const row = { id: next("order"), user_id: "ann", total_amount: 1000, payable_amount: 1000, ...values };
  return refusal(db.sql`INSERT INTO orders ${db.sql(row)}`);
};

test("an order's amounts add up, and a user has one order under a key", async () => {
  expect(await order({ discount_amount: 100, points_used: 50, payable_amount: 850 })).toBeNull();
  expect(await order({ discount_amount: 100, payable_amount: 1000 })).toBe("23514 orders_amounts");
  expect(await order({ discount_amount: 1100, payable_amount: -100 })).toBe("23514 orders_amounts");
  expect(await order({ discount_amount: -100, payable_amount: 1100 })).toBe("23514 orders_amounts");
  expect(await order({ status: "LOST" })).toBe("23514 orders_status");
  expect(await order({ idempotency_key: "k" })).toBeNull();
  expect(await order({ idempotency_key: "k" })).toBe("23505 orders_idempotency_key");
  expect(await order({ idempotency_key: "k", user_id: "bob" })).toBeNull();
  expect(await order({ idempotency_key: null })).toBeNull();
});

test("a payment is one per order and never gives back more than it took", async () => {
  expect(await run("INSERT INTO payments (order_id, captured_amount, refunded_amount) VALUES ('o1', 5, 6)")).toBe(
    "23514 payments_amounts",
  );
  expect(await run("INSERT INTO payments (order_id, status) VALUES ('o1', 'MAYBE')")).toBe("23514 payments_status");
  expect(await run("INSERT INTO payments (order_id, captured_amount) VALUES ('o1', 5)")).toBeNull();
  expect(await run("INSERT INTO payments (order_id) VALUES ('o1')")).toBe("23505 payments_order");
  expect(await run("INSERT INTO shipments (order_id, country) VALUES ('o1', 'DE')")).toBeNull();
  expect(await run("INSERT INTO shipments (order_id, country) VALUES ('o1', 'DE')")).toBe("23505 shipments_order");
});

test("a step of an order has one outcome; a refusal has a reason and nothing to restore", async () => {
  const outcome = (values: Record<string, unknown>) =>
    refusal(db.sql`INSERT INTO step_outcomes ${db.sql({ order_id: "o1", step: "STOCK", ...values })}`);
  expect(await outcome({ outcome: "FAILED" })).toBe("23514 step_outcomes_reason");
  expect(await outcome({ outcome: "COMPLETED", reason: "X" })).toBe("23514 step_outcomes_reason");
  expect(await outcome({ outcome: "FAILED", reason: "X", restored_at: new Date() })).toBe(
    "23514 step_outcomes_restored",
  );
  expect(await outcome({ outcome: "COMPLETED", step: "GIFT" })).toBe("23514 step_outcomes_step");
  expect(await outcome({ outcome: "COMPLETED" })).toBeNull();
  expect(await outcome({ outcome: "TOMBSTONE" })).toBe("23505 step_outcomes_order_id_step_pk");
});

test("a reader of the event store that stays below the running transactions steps over nothing", async () => {
  const append = (sql: Database["sql"] | Parameters<Parameters<Database["sql"]["begin"]>[1]>[0], id: string) => sql`
    INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES (${id}, 'T', 'o', 'o', 1, ${new Date(0)}, 'c', '{}')`;
  const read = async () =>
    (
      await db.sql`SELECT event_id FROM events WHERE written_by < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY position`
    ).map(({ event_id }) => event_id);
  let commit = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let inserted = () => {};
  const first = new Promise<void>((resolve) => {
    inserted = resolve;
  });
  const slow = db.sql.begin(async (tx) => {
    await append(tx, "slow");
    inserted();
    await held;
  });
  await first;
  await append(db.sql, "quick");
  expect(await read()).toEqual([]); // `quick` is committed, but `slow` stands before it
  commit();
  await slow;
  // A transaction of another database on the server, too, keeps the newest rows from a reader until it ends.
  await until("the reader is past both", async () => (await read()).length === 2);
  expect(await read()).toEqual(["slow", "quick"]);
  expect(await refusal(append(db.sql, "quick"))).toBe("23505 events_before_pkey");
});

test("what changes on an order's way touches no index: every such update stays on its page", async () => {
  const updates = [
    "UPDATE products SET stock = stock - 1, reserved = reserved + 1, updated_at = now() WHERE id = 'hot'",
    "UPDATE orders SET status = 'PROCESSING', updated_at = now() WHERE id = 'hot'",
    "UPDATE orders SET status = 'COMPLETED', updated_at = now(), settled_at = now() WHERE id = 'hot'",
    `UPDATE order_sagas SET status = 'PROCESSING', version = version + 1, state = '{"a":1}' WHERE order_id = 'hot'`,
    "UPDATE stock_reservations SET status = 'CONFIRMED', updated_at = now() WHERE order_id = 'hot'",
    "UPDATE point_balances SET balance = balance - 1, updated_at = now() WHERE user_id = 'hot'",
    "UPDATE product_sales SET quantity = quantity + 1 WHERE product_id = 'hot'",
    "UPDATE step_outcomes SET restored_at = now() WHERE order_id = 'hot'",
  ];
  // The connection's counts of earlier transactions, which it has not reported yet, are in the view as well.
  const count = async (tx: Database["sql"] | Parameters<Parameters<Database["sql"]["begin"]>[1]>[0]) => {
    const [row] = await tx<{ updated: number; hot: number }[]>`
      SELECT sum(n_tup_upd)::int AS updated, sum(n_tup_hot_upd)::int AS hot FROM pg_stat_xact_user_tables`;
    return row!;
  };
  await db.sql.begin(async (tx) => {
    await tx`INSERT INTO products (id, stock, price) VALUES ('hot', 5, 1)`;
    await tx`INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES ('hot', 'hot', 1, 1)`;
    await tx`INSERT INTO order_sagas (order_id, status, state, due_at) VALUES ('hot', 'PENDING', '{}', now())`;
    await tx`INSERT INTO stock_reservations (order_id, product_id, quantity) VALUES ('hot', 'hot', 1)`;
    await tx`INSERT INTO point_balances (user_id, balance) VALUES ('hot', 5)`;
    await tx`INSERT INTO product_sales (day, product_id, quantity) VALUES (now(), 'hot', 1)`;
    await tx`INSERT INTO step_outcomes (order_id, step, outcome) VALUES ('hot', 'STOCK', 'COMPLETED')`;
    const before = await count(tx);
    for (const update of updates) expect((await tx.unsafe(update)).count).toBe(1);
    const after = await count(tx);
    const counted = { updated: after.updated - before.updated, hot: after.hot - before.hot };
    expect(counted).toEqual({ updated: updates.length, hot: updates.length });
  });
});
