import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { migrate } from "../../db/migrate.ts";
import {
  dropPartition,
  expiredPartitions,
  listPartitions,
  makeMonths,
  mayPartition,
  missingMonths,
  monthStart,
} from "../../db/partitions.ts";
import { applyOldSchema } from "../support/old-schema.ts";
import { emptyDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof emptyDatabase>>;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await emptyDatabase();
  sql = postgres(database.url, { max: 4, onnotice: () => {}, fetch_types: false });
}, 120_000);
afterAll(async () => {
  await sql.end({ timeout: 2 });
  await database.drop();
});

const lines = async () => (await sql`SELECT id::int, target FROM audit_log ORDER BY id`).map((row) => ({ ...row }));
const inHundredYears = () => new Date(Date.now() + 100 * 365 * 86_400_000);

test("a running stack's audit log and events keep their rows, their numbers and their readers when they become partitioned", async () => {
  await applyOldSchema(database.url);
  const note = (target: string) =>
    sql`INSERT INTO audit_log (actor, action, target) VALUES ('olga', 'test', ${target})`;
  await note("first"); // prepared: the same statement goes on after the migration
  await sql`INSERT INTO audit_log (actor, action, target, at) VALUES ('olga', 'test', 'future', ${inHundredYears()})`;
  await sql`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES ('e1', 'T', 'o', 'o', 1, ${new Date(0)}, 'c', '{}')`;
  await sql`DO $$ BEGIN CREATE ROLE partition_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$`;
  await sql`GRANT SELECT, INSERT ON audit_log TO partition_reader`;

  await migrate(database.url);
  expect(await lines()).toEqual([
    { id: 1, target: "first" },
    { id: 2, target: "future" },
  ]);
  await note("second");
  expect((await lines()).at(-1)).toEqual({ id: 3, target: "second" });
  const [event] =
    await sql`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES ('e2', 'T', 'o', 'o', 2, now(), 'c', '{}') RETURNING position::int`;
  expect(event!.position).toBe(2);
  const [may] = await sql`SELECT has_table_privilege('partition_reader', 'audit_log', 'INSERT, SELECT') AS may`;
  expect(may!.may).toBe(true);
  await migrate(database.url); // nothing to do
}, 60_000);

test("the months to come are there, and a row that came too early moves into its month", async () => {
  expect(await missingMonths(sql, "audit_log")).toEqual([]);
  expect(await mayPartition(sql)).toBe(true);
  const later = monthStart(new Date(), 7);
  await sql`INSERT INTO audit_log (actor, action, target, at) VALUES ('olga', 'test', 'early', ${later})`;
  const made = await makeMonths(sql, "audit_log", later);
  expect(made).toHaveLength(3);
  const [row] = await sql`SELECT tableoid::regclass::text AS place FROM audit_log WHERE target = 'early'`;
  expect(row!.place).toBe(made[0]!);
  expect(await makeMonths(sql, "audit_log", later)).toEqual([]);
  const partitions = await listPartitions(sql, "audit_log");
  // An index that is built over rows counts them; an empty new month was not counted yet.
  expect(partitions.find(({ name }) => name === made[1])).toMatchObject({ rows: null });
  expect(partitions.at(-1)).toMatchObject({
    name: "audit_log_other",
    to: null,
    rows: 1,
  });
});

test("only whole months go, the oldest first, and none that may hold a row that is young enough", async () => {
  const now = monthStart(new Date(), 9);
  const names = async (keep: number, at = now) =>
    (await expiredPartitions(sql, "audit_log", keep, at)).map(({ name }) => name);
  expect(await names(0)).toEqual([]);
  expect(await names(24)).toEqual([]);
  // Nine months from now, with seven to be kept: what was there before the partitions, up to the end of next month, goes.
  expect(await names(7)).toEqual(["audit_log_before"]);
  expect(await names(8)).toEqual([]);
  await dropPartition(sql, "audit_log_before");
  expect((await lines()).map(({ target }) => target)).toEqual(["future", "early"]);
});

test("a drop waits its turn in short tries, so that no statement queues behind it for long", async () => {
  const reader = Promise.withResolvers<void>();
  const reading = sql.begin(async (tx) => {
    await tx`SELECT count(*) FROM events`;
    await reader.promise;
  });
  await Bun.sleep(100);
  const dropping = dropPartition(sql, "events_before");
  await Bun.sleep(500);
  const begun = performance.now();
  await sql`INSERT INTO events (event_id, type, aggregate_id, stream, sequence, occurred_at, correlation_id, data)
    VALUES ('e3', 'T', 'o', 'o', 3, ${monthStart(new Date(), 2)}, 'c', '{}')`;
  expect(performance.now() - begun).toBeLessThan(30_000); // the reader is still there
  reader.resolve();
  await reading;
  await dropping;
  expect((await sql`SELECT event_id FROM events`).map(({ event_id }) => event_id)).toEqual(["e3"]);
}, 60_000);
