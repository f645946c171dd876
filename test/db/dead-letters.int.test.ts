import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { discardDeadLetter, retryDeadLetter } from "../../db/dead-letters/change.ts";
import { insertDeadLetters, type NewDeadLetter } from "../../db/dead-letters/insert.ts";
import { countDeadLetters } from "../../db/dead-letters/read.ts";
import { markDeadLetters, takeDeadLetters } from "../../db/dead-letters/resend.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 6, name: "test" });
}, 60_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(async () => {
  await db.sql`DELETE FROM dead_letters`;
});

const policy = { attempts: 3, retryMs: 60_000 };
const letter: NewDeadLetter = {
  eventId: "e1",
  topic: "coupon-events",
  partition: 3,
  offset: 7,
  key: new Uint8Array([0, 255]),
  value: new Uint8Array([0, 1, 2, 254]),
  headers: { "error-code": "X" },
  errorCode: "X",
  errorMessage: "first",
  attempt: 0,
};
const store = (...changes: Partial<NewDeadLetter>[]) =>
  insertDeadLetters(
    db.sql,
    changes.map((change) => ({ ...letter, ...change })),
    policy,
  );
const only = async () => (await db.sql`SELECT *, next_attempt_at - now() AS wait FROM dead_letters`)[0]!;
/** As after so many re-publications. */
const published = (attempts: number) =>
  db.sql`UPDATE dead_letters SET status = 'REPUBLISHED', attempts = ${attempts}, next_attempt_at = NULL`;
const due = () => db.sql`UPDATE dead_letters SET next_attempt_at = now() WHERE status = 'PENDING'`;

test("dead letters are kept once per event, bytes and all, with the date of their next attempt", async () => {
  expect(await store({})).toMatchObject([{ eventId: "e1", status: "PENDING", attempts: 0 }]);
  expect(await store({ errorMessage: "second" })).toEqual([]);
  expect(await store({ errorMessage: "third", offset: 8 })).toEqual([]);
  const row = await only();
  expect(row).toMatchObject({ error_message: "first", status: "PENDING", headers: { "error-code": "X" }, offset: "7" });
  expect([[...row.key], [...row.value]]).toEqual([
    [0, 255],
    [0, 1, 2, 254],
  ]);
  const inMs = row.next_attempt_at.getTime() - Date.now();
  expect(inMs).toBeGreaterThan(0);
  expect(inMs).toBeLessThanOrEqual(60_000);
});

test("one event twice in a batch is one letter", async () => {
  expect(await store({}, { eventId: "e0" }, { errorMessage: "again" })).toHaveLength(2);
  expect(await db.sql`SELECT FROM dead_letters`).toHaveLength(2);
});

const returns: readonly [what: string, attempts: number, change: Partial<NewDeadLetter>, becomes: string][] = [
  ["its first attempt came back", 1, { attempt: 1, offset: 20 }, "PENDING"],
  ["the last but one came back", 2, { attempt: 2, offset: 20 }, "PENDING"],
  ["the last one came back", 3, { attempt: 3, offset: 20 }, "EXHAUSTED"],
  ["an operator's came back", 4, { attempt: 4, offset: 20 }, "EXHAUSTED"],
  ["an attempt came back whose mark was lost, and the next one is out", 1, { attempt: 2, offset: 20 }, "PENDING"],
  ["the letter itself was delivered once more", 1, {}, "REPUBLISHED"],
  ["an earlier attempt was delivered once more", 2, { attempt: 1, offset: 20 }, "REPUBLISHED"],
  ["another copy of the event, which the saga sent, died", 1, { offset: 30 }, "PENDING"],
];
for (const [what, attempts, change, becomes] of returns) {
  test(`${what}: ${becomes}`, async () => {
    await store({});
    await published(attempts);
    const stored = await store({ ...change, errorCode: "Y", errorMessage: "news" });
    expect(stored).toHaveLength(becomes === "REPUBLISHED" ? 0 : 1);
    const row = await only();
    expect(row).toMatchObject({ status: becomes, attempts, offset: "7" });
    expect(row.error_message).toBe(becomes === "REPUBLISHED" ? "first" : "news");
    expect(row.next_attempt_at !== null).toBe(becomes === "PENDING");
  });
}

test("what an operator discarded stays so, and what was given up is not revived by its copies", async () => {
  for (const status of ["DISCARDED", "EXHAUSTED"]) {
    await store({});
    await db.sql`UPDATE dead_letters SET status = ${status}, attempts = 3, next_attempt_at = NULL`;
    expect(await store({ attempt: 3, offset: 20 }, { offset: 30 })).toEqual([]);
    expect(await only()).toMatchObject({ status });
  }
});

test("with no attempts at all a letter waits for an operator from the first", async () => {
  await insertDeadLetters(db.sql, [letter], { attempts: 0, retryMs: 1 });
  expect(await only()).toMatchObject({ status: "EXHAUSTED", next_attempt_at: null });
});

test("a letter that came back and is not known (its row was deleted) keeps its attempts", async () => {
  await store({ attempt: 2 }, { eventId: "e2", attempt: 3 });
  const rows = await db.sql`
    SELECT status, attempts, next_attempt_at IS NULL AS never FROM dead_letters ORDER BY event_id`;
  expect(rows.map((row) => Object.values(row))).toEqual([
    ["PENDING", 2, false],
    ["EXHAUSTED", 3, true],
  ]);
});

test("due letters are taken once, in order; others are not; a process that gives up leaves them due", async () => {
  await store(...["c", "a", "b"].map((eventId) => ({ eventId })));
  expect(await db.sql.begin((tx) => takeDeadLetters(tx, 10))).toEqual([]);
  await due();
  const ids = (letters: readonly { eventId: string }[]) => letters.map(({ eventId }) => eventId);
  await db.sql.begin(async (tx) => {
    expect(ids(await takeDeadLetters(tx, 2))).toEqual(["a", "b"]); // as they were stored: a batch is sorted
    expect(ids(await db.sql.begin((other) => takeDeadLetters(other, 10)))).toEqual(["c"]);
  });
  expect(ids(await db.sql.begin((tx) => takeDeadLetters(tx, 10)))).toEqual(["a", "b", "c"]);
  await db.sql`UPDATE dead_letters SET next_attempt_at = NULL`; // an older version stored it
  expect(ids(await db.sql.begin((tx) => takeDeadLetters(tx, 10)))).toHaveLength(3);
});

test("marks are written as they are said, and counted", async () => {
  await store({ eventId: "a" }, { eventId: "b" }, { eventId: "c" });
  await due();
  await db.sql.begin(async (tx) => {
    const [a, b, c] = await takeDeadLetters(tx, 10);
    await markDeadLetters(tx, [
      { id: a!.id, status: "REPUBLISHED", attempts: 1, nextInMs: null },
      { id: b!.id, status: "EXHAUSTED", attempts: 3, nextInMs: null, error: { code: "Z", message: "too large" } },
      { id: c!.id, status: "PENDING", attempts: 0, nextInMs: 60_000 },
    ]);
  });
  const rows = await db.sql`
    SELECT status, attempts, error_code, error_message, next_attempt_at > now() AS later FROM dead_letters ORDER BY event_id`;
  expect(rows.map((row) => Object.values(row))).toEqual([
    ["REPUBLISHED", 1, "X", "first", null],
    ["EXHAUSTED", 3, "Z", "too large", null],
    ["PENDING", 0, "X", "first", true],
  ]);
  const counts = await countDeadLetters(db.sql);
  expect(Object.fromEntries(counts.map(({ status, count }) => [status, count]))).toEqual({
    REPUBLISHED: 1,
    EXHAUSTED: 1,
    PENDING: 1,
  });
});

test("a letter about a claim that was given up says so", async () => {
  await db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch, status)
    VALUES ('sale00000000', 'ann', NULL, 'e1', 1, 'REVOKED')`;
  await store({}, { eventId: "e2" });
  await due();
  const taken = await db.sql.begin((tx) => takeDeadLetters(tx, 10));
  expect(taken.map(({ eventId, isBuried }) => [eventId, isBuried])).toEqual([
    ["e1", true],
    ["e2", false],
  ]);
});

test("an operator's word about a letter that is being sent at this moment waits for its mark, and then holds", async () => {
  await store({ eventId: "a" }, { eventId: "b" });
  await due();
  const said: Promise<void>[] = [];
  await db.sql.begin(async (tx) => {
    const [a, b] = await takeDeadLetters(tx, 10);
    said.push(retryDeadLetter(db.sql, a!.id, "olga"), discardDeadLetter(db.sql, b!.id, "olga", "a test"));
    const early = await Promise.race([...said, Bun.sleep(200).then(() => "waits")]);
    expect(early).toBe("waits");
    await markDeadLetters(
      tx,
      [a!, b!].map(({ id }) => ({ id, status: "REPUBLISHED", attempts: 1, nextInMs: null })),
    );
  });
  await Promise.all(said);
  const rows =
    await db.sql`SELECT status, attempts, next_attempt_at <= now() AS due FROM dead_letters ORDER BY event_id`;
  expect(rows.map((row) => Object.values(row))).toEqual([
    ["PENDING", 1, true],
    ["DISCARDED", 1, null],
  ]);
  const lines =
    await db.sql`SELECT action, detail ->> 'was' AS was FROM audit_log WHERE actor = 'olga' ORDER BY action`;
  expect(lines.map((line) => Object.values(line))).toEqual([
    ["dead-letter.discarded", "REPUBLISHED"],
    ["dead-letter.retried", "REPUBLISHED"],
  ]);
});
