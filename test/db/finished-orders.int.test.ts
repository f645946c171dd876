import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { findOrder } from "../../db/orders/find.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 2, name: "test" });
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

/** An order without coupon and points, whose saga's state role retention has deleted; its SHIPPING has no outcome. */
async function finished(id: string, status: "COMPLETED" | "CANCELLED"): Promise<void> {
  await db.sql`
    INSERT INTO orders (id, user_id, status, total_amount, payable_amount, settled_at, saga_taken_at)
    VALUES (${id}, 'u', ${status}, 1, 1, now(), now())`;
  await db.sql`INSERT INTO step_outcomes (order_id, step, outcome) VALUES (${id}, 'STOCK', 'COMPLETED'), (${id}, 'PAYMENT', 'COMPLETED')`;
}
const statusesOf = async (id: string) =>
  Object.fromEntries(Object.entries((await findOrder(db.sql, id))!.steps).map(([step, { status }]) => [step, status]));

test("a completed order did not need a step that has no outcome, as one that was added after the order", async () => {
  await finished("done", "COMPLETED");
  const skipped = { COUPON: "SKIPPED", POINT: "SKIPPED", SHIPPING: "SKIPPED" } as const;
  expect(await statusesOf("done")).toEqual({ STOCK: "COMPLETED", PAYMENT: "COMPLETED", ...skipped });
});

test("a cancelled order may have ended before a step was requested", async () => {
  await finished("ended", "CANCELLED");
  expect(await statusesOf("ended")).toMatchObject({ PAYMENT: "COMPLETED", SHIPPING: "PENDING" });
});
