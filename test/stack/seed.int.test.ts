import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sandbox } from "./cli.ts";

const box = sandbox();
let database: TestDatabase;
let redis: RedisServer;
let sql: postgres.Sql;
let env: Record<string, string>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), startRedis()]);
  sql = postgres(database.url, { max: 1, onnotice: () => {} });
  env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
}, 180_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await Promise.all([database.drop(), redis.remove(), box.remove()]);
});

/** The books of points and stock, as a verifier reads them; rows are what does not balance. */
const unbalanced = () => sql`
  SELECT p.id FROM products p LEFT JOIN stock_movements m ON m.product_id = p.id
  GROUP BY p.id HAVING p.stock + p.reserved <> coalesce(sum(m.quantity), 0)
  UNION ALL
  SELECT b.user_id FROM point_balances b LEFT JOIN point_ledger l USING (user_id)
  GROUP BY b.user_id HAVING b.balance <> coalesce(sum(l.delta), 0)`;
const seed = (...args: string[]) => box.run(["seed", ...args], env);

test("a seed fills catalogue and points, adds nothing the second time, and goes on from what is there", async () => {
  // Who has points, or bought already, keeps what they have.
  await sql`INSERT INTO point_balances (user_id, balance) VALUES ('user-7', 5)`;
  await sql`INSERT INTO point_ledger (user_id, delta) VALUES ('user-7', 5)`;
  const first = await seed("--products", "250", "--users", "4500");
  expect(first).toMatchObject({ code: 0 });
  expect(first.out).toContain("products   250 added");
  expect(first.out).toContain("users      4,499 added, 1 were there");
  expect(first.out).toMatch(/seeded in \d+\.\d s/);
  expect(await unbalanced()).toHaveLength(0);
  const [counts] = await sql`
    SELECT (SELECT count(*) FROM products WHERE flash)::int AS flash, (SELECT count(*) FROM products)::int AS products,
           (SELECT count(*) FROM point_balances)::int AS users, (SELECT balance FROM point_balances WHERE user_id = 'user-7')`;
  expect(counts).toMatchObject({ flash: 25, products: 250, users: 4500, balance: "5" });

  await sql`UPDATE products SET stock = stock - 1, reserved = 1 WHERE id = 'product-1'`;
  const again = await seed("--products", "250", "--users", "4500");
  expect(again.out).toContain("products   0 added, 250 were there");
  expect(again.out).toContain("nothing to add");
  const more = await seed("--products", "260", "--users", "4500", "--json");
  expect(JSON.parse(more.out).added).toEqual({ products: 10, users: 0 });
  expect(await unbalanced()).toHaveLength(0);
}, 180_000);

test("a seed of nothing, of too much, and without PostgreSQL says what it means", async () => {
  expect((await seed("--products", "0", "--users", "0")).out).toContain("nothing to add");
  expect(await seed("--users", "1.5")).toMatchObject({ code: 2, errors: expect.stringContaining("whole number") });
  const away = await box.run(["seed"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });
  expect(away).toMatchObject({ code: 1, errors: expect.stringContaining("./dev up postgres") });
}, 180_000);

test("rankings are rebuilt from what PostgreSQL counted", async () => {
  const rebuild = () => box.run(["ranking", "rebuild", "--json"], env);
  expect(JSON.parse((await rebuild()).out)).toEqual({ daily: [], weekly: [], all: [] });
  await sql`
    INSERT INTO product_sales (day, product_id, quantity)
    VALUES ((now() AT TIME ZONE 'utc')::date, 'product-2', 4), ((now() AT TIME ZONE 'utc')::date - 6, 'product-1', 3),
           ((now() AT TIME ZONE 'utc')::date - 7, 'product-2', 90)`;
  expect(JSON.parse((await rebuild()).out)).toEqual({
    daily: [{ productId: "product-2", sold: 4 }],
    weekly: [
      { productId: "product-2", sold: 4 },
      { productId: "product-1", sold: 3 },
    ],
    all: [
      { productId: "product-2", sold: 94 },
      { productId: "product-1", sold: 3 },
    ],
  });
  expect((await box.run(["ranking", "rebuild"], env)).out).toContain("product-2 (94), product-1 (3)");
  const away = await box.run(["ranking", "rebuild"], { ...env, REDIS_URL: "redis://127.0.0.1:1" });
  expect(away).toMatchObject({ code: 1, errors: expect.stringContaining("Redis does not answer") });
}, 180_000);
