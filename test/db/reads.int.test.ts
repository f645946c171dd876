import { afterAll, beforeAll, expect, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, RequestId } from "../../contracts/wire/ids.ts";
import { findRequest } from "../../db/claims/find.ts";
import { insertAliases, insertClaims, insertTombstones } from "../../db/claims/insert.ts";
import { listMyCoupons } from "../../db/claims/list-mine.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { withLeases } from "../../db/leases.ts";
import { createSale, setSaleState } from "../../db/sales/change.ts";
import { findSale, listSales } from "../../db/sales/list.ts";
import { snapshotWinners } from "../../db/sales/load.ts";
import { findReopening } from "../../db/sales/reopening.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let db: Database;
const sales = Array.from({ length: 5 }, (_, i) => `sale0000000${i}`);
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 6, name: "test" });
  for (const id of sales) {
    const terms = {
      id: id as CouponId,
      name: `Sale ${id}`,
      total: 100,
      startsAt: "2030-01-01T00:00:00.123Z",
      endsAt: "2030-01-02T00:00:00Z",
    };
    await createSale(db.sql, { ...terms, discountType: "PERCENT", discountValue: 10, maxDiscount: 500 }, "olga");
  }
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

async function pages<T>(list: (cursor: string | null) => Promise<{ nextCursor: string | null } & T>): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = null;
  do {
    const page: { nextCursor: string | null } & T = await list(cursor);
    all.push(page);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

test("a sale is found with its terms to the millisecond, or not at all", async () => {
  expect(await findSale(db.orm, sales[0]!)).toMatchObject({
    id: sales[0],
    total: 100,
    epoch: 1,
    state: "OPEN",
    loadState: "NEW",
    issueMode: "DIRECT",
    discountType: "PERCENT",
    discountValue: 10,
    maxDiscount: 500,
    minOrderAmount: 0,
    validUntil: null,
    startsAt: new Date("2030-01-01T00:00:00.123Z"),
  });
  expect(await findSale(db.orm, "nosuchsale00")).toBeNull();
  expect(await findReopening(db.sql, sales[0]!)).toMatchObject({ loadState: "NEW", opensInMs: null });
  expect(await findReopening(db.sql, "nosuchsale00")).toBeNull();
});

test("sales are listed newest first, page by page, none twice", async () => {
  const found = await pages((cursor) => listSales(db.orm, cursor, 2));
  expect(found.map(({ rows }) => rows.length)).toEqual([2, 2, 1]);
  expect(found.flatMap(({ rows }) => rows.map(({ id }) => id))).toEqual([...sales].reverse());
  await expect(listSales(db.orm, "nonsense", 2)).rejects.toThrow(StampedeError);
});

test("a user's coupons are listed page by page, without what was given up", async () => {
  const claims = sales.map((couponId, i) => {
    return { couponId, userId: "ann", requestId: `${couponId}-r`, slot: i + 1, epoch: 1 };
  });
  for (const claim of claims.slice(0, 4)) await insertClaims(db.sql, [claim]);
  await insertTombstones(db.sql, [{ ...claims[4]!, reason: "SOLD_OUT" }]);
  const found = (await pages((cursor) => listMyCoupons(db.orm, "ann", cursor, 3))).flatMap(({ items }) => items);
  expect(found.map(({ couponId }) => couponId as string)).toEqual(sales.slice(0, 4).reverse());
  expect(found[0]).toMatchObject({ name: `Sale ${sales[3]}`, slot: 4, status: "ACTIVE" });
  expect((await listMyCoupons(db.orm, "bob", null, 3)).items).toEqual([]);
});

test("a request is found by its own id or an alias, and only by its user", async () => {
  await insertAliases(db.sql, [
    { requestId: "alias-1", couponId: sales[0]!, userId: "ann", originalRequestId: `${sales[0]}-r` },
  ]);
  const issued = { requestId: `${sales[0]}-r`, status: "ISSUED", slot: 1, reason: null };
  expect(await findRequest(db.sql, `${sales[0]}-r`, "ann")).toEqual(issued as never);
  expect(await findRequest(db.sql, "alias-1", "ann")).toEqual(issued as never);
  expect(await findRequest(db.sql, `${sales[4]}-r`, "ann")).toEqual({
    requestId: `${sales[4]}-r` as RequestId,
    status: "FAILED",
    slot: null,
    reason: "SOLD_OUT",
  });
  expect(await findRequest(db.sql, `${sales[0]}-r`, "bob")).toBeNull();
  expect(await findRequest(db.sql, "alias-1", "bob")).toBeNull();
});

test("a state change is applied before it commits, leaves one audit line, and a failing apply leaves nothing", async () => {
  const id = sales[1]!;
  const change = (apply: () => Promise<void>) => setSaleState(db.sql, id, "PAUSED", "olga", apply);
  await expect(change(() => Promise.reject(new Error("Redis is away")))).rejects.toThrow("Redis is away");
  expect((await findSale(db.orm, id))!.state).toBe("OPEN");
  let applied = 0;
  const apply = async () => {
    applied++;
  };
  expect(await change(apply)).toBe(true);
  expect(await change(apply)).toBe(true);
  expect(applied).toBe(2);
  expect((await findSale(db.orm, id))!.state).toBe("PAUSED");
  const lines = await db.sql`SELECT actor, detail FROM audit_log WHERE target = ${id} AND action = 'sale.state'`;
  expect(lines.map(({ actor, detail }) => ({ actor, detail }))).toEqual([
    { actor: "olga", detail: { from: "OPEN", to: "PAUSED" } },
  ]);
  expect(await setSaleState(db.sql, "nosuchsale00", "OPEN", "olga", apply)).toBe(false);
});

test("the winners' snapshot streams every holder once, in slot order", async () => {
  const id = sales[2]!;
  await db.sql`UPDATE coupons SET total = 20000 WHERE id = ${id}`;
  await db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch)
    SELECT ${id}, 'w' || n, n, ${id} || '-' || n, 1 FROM generate_series(101, 12100) n`;
  const slots: number[] = [];
  for await (const page of snapshotWinners(db.sql, id)) {
    for (const { slot } of page) slots.push(slot);
    await db.sql`SELECT 1`; // others work meanwhile
  }
  expect(slots).toHaveLength(12_001); // ann's among them
  expect(slots).toEqual([...slots].sort((a, b) => a - b));
});

test("a lease is held by one at a time and given back", async () => {
  let inside = 0;
  const hold = () =>
    withLeases(db.leases, 1, ["a", "b"], async (held) => {
      inside++;
      await Bun.sleep(100);
      return held;
    });
  const results = await Promise.all([hold(), hold(), hold()]);
  expect(results.flatMap((held) => held ?? []).sort()).toEqual(["a", "b"]);
  expect(await hold()).toEqual(["a", "b"]);
  expect(inside).toBeGreaterThanOrEqual(2);
});

test("as many leases as there are connections for work, and each of them works: none waits for ever", async () => {
  const few = createDatabase(database.url, { max: 4, name: "few" });
  const holders = 16; // more than all that a process with all roles may hold
  let held = 0;
  let allHeld = () => {};
  const together = new Promise<void>((resolve) => {
    allHeld = resolve;
  });
  const work = async () => {
    if (++held === holders) allHeld();
    await together;
    const [row] = await few.sql`SELECT 1 AS one`;
    return row!.one;
  };
  const leases = Array.from({ length: holders }, (_, i) => withLeases(few.leases, 2, [`lease ${i}`], work));
  expect(await Promise.all(leases)).toEqual(Array(holders).fill(1));
  await few.close();
});
