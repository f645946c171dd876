import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { migrate } from "../../db/migrate.ts";
import { applyOldSchema } from "../support/old-schema.ts";
import { emptyDatabase, freshDatabase } from "../support/postgres.ts";

const ROWS = 4_000;

let database: Awaited<ReturnType<typeof emptyDatabase>>;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await emptyDatabase();
  sql = postgres(database.url, { max: 20, onnotice: () => {}, fetch_types: false });
  await applyOldSchema(database.url);
  await seed();
}, 120_000);
afterAll(async () => {
  await sql.end({ timeout: 2 });
  await database.drop();
});

async function seed(): Promise<void> {
  await sql`INSERT INTO coupons (id, name, total, starts_at, ends_at, discount_type, discount_value)
    SELECT 'c' || n, 'sale', 1000000, now() - interval '1 day', now() + interval '1 day', 'FIXED', 1 FROM generate_series(1, 20) n`;
  await sql`INSERT INTO products (id, stock, price, currency) VALUES ('p', 1000000, 1, 'KRW')`;
  await sql`INSERT INTO orders (id, user_id, total_amount, payable_amount)
    SELECT 'o' || n, 'u', 1, 1 FROM generate_series(1, ${ROWS}::int) n`;
  await sql`INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT id, 'p', 1, 1 FROM orders`;
  await sql`INSERT INTO payments (order_id) SELECT id FROM orders`;
  await sql`INSERT INTO order_sagas (order_id, status, state) SELECT id, 'PROCESSING', '{}' FROM orders`;
  await sql`INSERT INTO audit_log (actor, action, target) SELECT 'olga', 'test', id FROM orders`;
  await sql`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    SELECT id, 'T', id, id, 1, now(), 'c', '{}' FROM orders`;
}

type Work = (tx: postgres.TransactionSql, id: string) => Promise<unknown>;

/** Reads the order, its saga and its lines, then writes all of them, an event and a line of the audit log. */
const saga: Work = async (tx, id) => {
  await tx`SELECT FROM order_sagas WHERE order_id = ${id} FOR UPDATE`;
  await tx`UPDATE orders SET updated_at = now() WHERE id = ${id}`;
  await Bun.sleep(30);
  await tx`SELECT FROM order_items WHERE order_id = ${id}`;
  await tx`SELECT FROM payments WHERE order_id = ${id}`;
  await tx`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES (${crypto.randomUUID()}, 'T', ${id}, ${id}, 2, clock_timestamp(), 'c', '{}')`;
  await tx`UPDATE order_sagas SET version = version + 1 WHERE order_id = ${id}`;
  await tx`INSERT INTO audit_log (actor, action, target) VALUES ('saga', 'test', ${id})`;
};

const payment: Work = async (tx, id) => {
  await tx`UPDATE payments SET attempts = attempts + 1, next_attempt_at = now() WHERE order_id = ${id}`;
  await Bun.sleep(30);
  await tx`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES (${crypto.randomUUID()}, 'T', ${id}, ${id}, 3, clock_timestamp(), 'c', '{}')`;
  await tx`INSERT INTO audit_log (actor, action, target) VALUES ('payment', 'test', ${id})`;
};

/** A new order with its lines, and the sale that it is about. */
const placing: Work = async (tx, id) => {
  await tx`SELECT FROM coupons WHERE id = ${`c${(Number(id.slice(1)) % 20) + 1}`} FOR SHARE`;
  const order = crypto.randomUUID();
  await tx`INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES (${order}, 'u', 1, 1)`;
  await Bun.sleep(30);
  await tx`INSERT INTO order_items (order_id, product_id, quantity, unit_price) VALUES (${order}, 'p', 1, 1)`;
  await tx`INSERT INTO audit_log (actor, action, target) VALUES ('placing', 'test', ${order})`;
};

/** Runs transactions, one after the other, until `stop` says so. */
async function write(work: Work, place: number, stop: () => boolean, failures: string[]): Promise<number> {
  let done = 0;
  while (!stop()) {
    const id = `o${((done * 7 + place) % ROWS) + 1}`;
    try {
      await sql.begin((tx) => work(tx, id));
      done++;
    } catch (error) {
      failures.push(`${work.name}: ${error}`);
    }
  }
  return done;
}

/** What a schema consists of; the order of columns differs where a migration added them. */
async function shape(of: postgres.Sql): Promise<Record<string, unknown>> {
  const rows = async (query: postgres.PendingQuery<postgres.Row[]>) => (await query).map((row) => ({ ...row }));
  return {
    columns: await rows(
      of`SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`,
    ),
    indexes: await rows(of`SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`),
    constraints: await rows(of`
      SELECT conrelid::regclass::text AS on, conname, convalidated, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`),
  };
}

test("a running stack is migrated, and neither a migration nor a transaction of it fails", async () => {
  const failures: string[] = [];
  let stopped = false;
  const stop = () => stopped;
  const writers = [saga, saga, payment, payment, placing, placing].map((work, place) =>
    write(work, place * 500, stop, failures),
  );
  // One transaction holds all of its tables for longer than a migration waits for a lock.
  const slow = sql.begin(async (tx) => {
    await tx`SELECT FROM orders JOIN order_items ON order_id = id JOIN payments USING (order_id) LIMIT 1`;
    await tx`INSERT INTO audit_log (actor, action, target) VALUES ('slow', 'test', 'x')`;
    await Bun.sleep(4_000);
  });
  try {
    await migrate(database.url);
  } finally {
    await slow;
    stopped = true;
  }
  const [sagas1, sagas2, payments1, payments2, orders1, orders2] = await Promise.all(writers);
  expect(failures).toEqual([]);
  const [found] = await sql`
    SELECT (SELECT sum(version)::int FROM order_sagas) AS sagas, (SELECT sum(attempts)::int FROM payments) AS payments,
           (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM order_items) AS lines,
           (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM audit_log) AS audit,
           (SELECT array_agg(DISTINCT currency)::text FROM coupons) AS currencies`;
  const [sagas, payments, orders] = [sagas1! + sagas2!, payments1! + payments2!, orders1! + orders2!];
  expect(Math.min(sagas, payments, orders)).toBeGreaterThan(10);
  expect({ ...found }).toEqual({
    sagas,
    payments,
    orders: ROWS + orders,
    lines: ROWS + orders,
    events: ROWS + sagas + payments,
    audit: ROWS + sagas + payments + orders + 1,
    currencies: "{KRW}",
  });
}, 180_000);

test("a migrated database is the same as a new one", async () => {
  const fresh = await freshDatabase();
  const other = postgres(fresh.url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    expect(await shape(sql)).toEqual(await shape(other));
    expect(await sql`SELECT FROM pg_constraint WHERE NOT convalidated`).toHaveLength(0);
    expect(await sql`SELECT FROM pg_index WHERE NOT indisvalid`).toHaveLength(0);
  } finally {
    await other.end();
    await fresh.drop();
  }
}, 60_000);
