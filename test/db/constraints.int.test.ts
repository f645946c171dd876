import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { insertClaims, insertTombstones } from "../../db/claims/insert.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { sqlState } from "../../db/errors.ts";
import { migrate } from "../../db/migrate.ts";
import { createSale, setSaleState } from "../../db/sales/change.ts";
import { shareSales } from "../../db/sales/lock.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 6, name: "test" });
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

let count = 0;
async function newSale(total: number): Promise<string> {
  const id = `sale${String(++count).padStart(8, "0")}` as CouponId;
  const terms = { id, name: "x", total, startsAt: "2030-01-01T00:00:00Z", endsAt: "2030-01-02T00:00:00Z" };
  await createSale(db.sql, { ...terms, discountType: "FIXED", discountValue: 1 }, "test");
  return id;
}
const insert = (couponId: string, userId: string, slot: number | null, status = "ACTIVE") =>
  db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch, status)
    VALUES (${couponId}, ${userId}, ${slot}, ${`${couponId}-${userId}-${slot}-${status}`}, 1, ${status})`;
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => `${sqlState(error)} ${error.constraint_name}`,
  );

test("the database itself refuses a slot outside the total, from every writer", async () => {
  const sale = await newSale(2);
  expect(await refusal(insert(sale, "ann", 2))).toBeNull();
  expect(await refusal(insert(sale, "bob", 3))).toBe("23514 user_coupons_slot_within_total");
  expect(await refusal(insert(sale, "bob", 0))).toBe("23514 user_coupons_slot_positive");
  expect(await refusal(insert("nosuchsale00", "bob", 1))).toBe("23514 user_coupons_slot_within_total");
  const moved = db.sql`UPDATE user_coupons SET slot = 9 WHERE coupon_id = ${sale}`;
  expect(await refusal(moved)).toBe("23514 user_coupons_slot_within_total");
});

test("a sale cannot shrink below a slot that is held", async () => {
  const sale = await newSale(5);
  await insert(sale, "ann", 4);
  const shrink = (total: number) => refusal(db.sql`UPDATE coupons SET total = ${total} WHERE id = ${sale}`);
  expect(await shrink(3)).toBe("23514 coupons_total_covers_slots");
  expect(await shrink(4)).toBeNull();
});

test("one coupon per user and one user per slot; what was given up does not count", async () => {
  const sale = await newSale(5);
  await insert(sale, "ann", 1);
  expect(await refusal(insert(sale, "ann", 2))).toBe("23505 user_coupons_user");
  expect(await refusal(insert(sale, "bob", 1))).toBe("23505 user_coupons_slot");
  expect(await refusal(insert(sale, "ann", null, "REVOKED"))).toBeNull();
  expect(await refusal(insert(sale, "cem", 3, "REVOKED"))).toBe("23514 user_coupons_revoked_has_no_slot");
  expect(await refusal(insert(sale, "cem", null, "ACTIVE"))).toBe("23514 user_coupons_revoked_has_no_slot");
});

test("a claim and its tombstone exclude each other, whichever commits first", async () => {
  const sale = await newSale(100);
  for (let i = 0; i < 30; i++) {
    const claim = { couponId: sale, userId: `u${i}`, requestId: `${sale}-${i}`, slot: i + 1, epoch: 1 };
    const [inserted, buried] = await Promise.all([
      db.sql.begin((tx) => insertClaims(tx, [claim])),
      db.sql.begin((tx) => insertTombstones(tx, [{ ...claim, reason: "ENDED" }])),
    ]);
    expect(inserted.length + buried.size).toBe(1);
    const rows = await db.sql`SELECT status FROM user_coupons WHERE request_id = ${claim.requestId}`;
    expect(rows.map(({ status }) => status)).toEqual([inserted.length === 1 ? "ACTIVE" : "REVOKED"]);
  }
});

test("the insert takes only what the sale's state allows", async () => {
  const sale = await newSale(3);
  const claim = (slot: number, epoch: number) => [
    { couponId: sale, userId: `u${slot}-${epoch}`, requestId: `${sale}-${slot}-${epoch}`, slot, epoch },
  ];
  const inserted = async (loadState: string, epoch: number, slot: number, claimEpoch: number) => {
    await db.sql`DELETE FROM user_coupons WHERE coupon_id = ${sale}`;
    await db.sql`UPDATE coupons SET load_state = ${loadState}, epoch = ${epoch} WHERE id = ${sale}`;
    return (await insertClaims(db.sql, claim(slot, claimEpoch))).length;
  };
  expect(await inserted("LOADED", 1, 3, 1)).toBe(1);
  expect(await inserted("LOADED", 1, 4, 1)).toBe(0);
  expect(await inserted("LOADED", 2, 3, 1)).toBe(0); // decided before the rebuild
  expect(await inserted("RECOVERING", 2, 3, 1)).toBe(1); // that is the drain
  expect(await inserted("LOADING", 2, 3, 2)).toBe(0);
});

test("an operator's change does not starve behind batches that share the sale", async () => {
  const sale = await newSale(3);
  let stop = false;
  const batches = [0, 1, 2, 3].map(async (i) => {
    await Bun.sleep(i * 70);
    while (!stop) {
      await db.sql.begin(async (tx) => {
        await shareSales(tx, [sale]);
        await Bun.sleep(200);
      });
    }
  });
  await Bun.sleep(300);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const startedAt = performance.now();
    await setSaleState(db.sql, sale, i % 2 === 0 ? "PAUSED" : "OPEN", "operator", async () => {});
    times.push(performance.now() - startedAt);
  }
  stop = true;
  await Promise.all(batches);
  // Each waits for at most one running batch of 200 ms; without the turnstile the median was thirty of them.
  expect(times.sort((a, b) => a - b)[2]).toBeLessThan(2_000);
});

test("two migrations at once do no harm, and a third finds nothing to do", async () => {
  await Promise.all([migrate(database.url), migrate(database.url)]);
  await migrate(database.url);
  expect(await db.sql`SELECT 1 FROM coupons LIMIT 1`).toHaveLength(1);
});
