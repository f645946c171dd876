import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { surveyOrders } from "../../db/orders/due.ts";
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

test("a payment of last week that is asked about today is counted, and is not a week old", async () => {
  await db.sql`
    INSERT INTO payments (order_id, status, amount, captured_amount, check_wanted, created_at)
    VALUES ('old', 'CAPTURED', 5, 5, true, now() - interval '7 days'),
           ('unpaid', 'INTENT', 5, 0, false, now() - interval '100 seconds')`;
  const found = await surveyOrders(db.sql);
  const ages = Object.fromEntries(found.map(({ what, name, count, oldestS }) => [`${what} ${name} ${count}`, oldestS]));
  expect(Object.keys(ages).sort()).toEqual(["PAYMENT CHARGE 1", "PAYMENT CHECK 1"]);
  expect(ages["PAYMENT CHECK 1"]).toBeLessThan(60);
  expect(ages["PAYMENT CHARGE 1"]).toBeGreaterThanOrEqual(100);
});
