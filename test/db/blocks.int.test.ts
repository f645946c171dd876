import { afterAll, beforeAll, expect, test } from "bun:test";
import { activeBlocks, block, blocksVersion, unblock } from "../../db/blocks/change.ts";
import { listBlocks } from "../../db/blocks/list.ts";
import { createDatabase, type Database } from "../../db/client.ts";
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

const user = (subject: string) => ({ kind: "USER", subject }) as const;
const forever = { until: null, why: "bot" };

test("a change raises the version, and has its line in the audit log; a second block replaces the first", async () => {
  const before = await blocksVersion(db.sql);
  const soon = new Date(Date.now() + 60_000);
  const first = await block(db.sql, user("ann"), forever, "olga");
  const second = await block(db.sql, user("ann"), { until: soon, why: "for a while" }, "oleg");
  expect(second).toMatchObject({ id: first.id, subject: "ann", until: soon, why: "for a while", blockedBy: "oleg" });
  expect(await activeBlocks(db.sql)).toEqual([{ kind: "USER", subject: "ann", until: soon }]);
  expect(await unblock(db.sql, user("ann"), "olga")).toBe(true);
  expect(await unblock(db.sql, user("ann"), "olga")).toBe(false);
  expect((await blocksVersion(db.sql)) - before).toBe(4);
  const lines = await db.sql`SELECT actor, action FROM audit_log WHERE target = 'ann' ORDER BY id`;
  expect(lines.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    "olga user.blocked",
    "oleg user.blocked",
    "olga user.unblocked",
  ]);
});

test("blocks that have ended are not in force, and go with the next change", async () => {
  await db.sql`
    INSERT INTO blocks (kind, subject, until, why, blocked_by) VALUES ('TOKEN', 't1', now() - interval '1 s', 'old', 'olga')`;
  expect(await activeBlocks(db.sql)).toEqual([]);
  expect((await listBlocks(db.orm, null, 10)).items).toEqual([]);
  await block(db.sql, user("bob"), forever, "olga");
  const [row] = await db.sql`SELECT count(*)::int AS left FROM blocks`;
  expect(row).toEqual({ left: 1 });
  await expect(
    (async () =>
      db.sql`INSERT INTO blocks (kind, subject, why, blocked_by) VALUES ('TOKEN', 't2', 'endless', 'olga')`)(),
  ).rejects.toThrow("blocks_token_ends");
});

test("the blocks in force are limited, and one that is there can still be changed", async () => {
  await db.sql`
    INSERT INTO blocks (kind, subject, why, blocked_by)
    SELECT 'USER', 'many-' || n, 'bot', 'olga' FROM generate_series(2, 100000) n`;
  const one = block(db.sql, user("one too many"), forever, "olga");
  await expect(one).rejects.toMatchObject({ code: "TOO_MANY_BLOCKS" });
  expect(await block(db.sql, user("bob"), { until: null, why: "still" }, "olga")).toMatchObject({ why: "still" });
  expect(await activeBlocks(db.sql)).toHaveLength(100_000);
});

test("changes at once are all made, one after the other", async () => {
  await db.sql`DELETE FROM blocks`;
  const before = await blocksVersion(db.sql);
  await Promise.all(Array.from({ length: 20 }, (_, n) => block(db.sql, user(`user-${n % 10}`), forever, "olga")));
  expect(await activeBlocks(db.sql)).toHaveLength(10);
  expect((await blocksVersion(db.sql)) - before).toBe(20);
});
