import { afterAll, beforeAll, expect, test } from "bun:test";
import pino from "pino";
import { failureCode } from "../../consumers/engine/failure.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { loggable } from "../../db/loggable-error.ts";
import { pointBalances, products } from "../../db/schema.ts";
import { databaseCalls } from "../../gateway/database-errors.ts";
import { createErrorLog } from "../../gateway/http/error-log.ts";
import { freshDatabase } from "../support/stack.ts";

const USER = "auth0|5f7c8ec7c33c6c004bbafe82";

let database: Database;
beforeAll(async () => {
  database = createDatabase(await freshDatabase("loggable_error"), { max: 2, name: "test" });
}, 180_000);
afterAll(() => database?.close());

/** One of each way in which a statement with a user's id among its parameters fails. */
async function failures(): Promise<Error[]> {
  const { sql, orm } = database;
  await sql`INSERT INTO point_balances (user_id, balance) VALUES (${USER}, 1)`;
  const failed = await Promise.allSettled([
    sql`INSERT INTO point_balances (user_id, balance) VALUES (${USER}, 1)`,
    orm.insert(pointBalances).values({ userId: USER, balance: 1 }),
    orm.insert(products).values({ id: USER, name: USER, stock: -1, price: 1, currency: "EUR" } as never),
    sql`SELECT ${USER}::text::int`,
    sql`SELECT ${USER}::text::timestamptz`,
    sql`SELECT ${`${USER}\0`}::text`,
    sql`SELECT ${USER}::text::jsonb`,
    sql`SELECT * FROM no_such_table WHERE user_id = ${USER}`,
  ]);
  return failed.map((one) => (one as PromiseRejectedResult).reason);
}

test("no failed statement tells its parameters: in a log line, in a dead letter, in the words of a stack", async () => {
  const lines: string[] = [];
  const errors = await failures();
  expect(JSON.stringify(errors.map(({ message, stack }) => [message, stack]))).toContain(USER);
  for (const error of [...errors, ...errors.map((cause) => new StampedeError("INTERNAL", undefined, { cause }))]) {
    // A new log for each: the same kind is not logged twice in a second.
    createErrorLog(pino({}, { write: (line: string) => void lines.push(line) }))(error);
    lines.push(JSON.stringify([loggable(error), failureCode(error)]));
  }
  expect(lines).toHaveLength(4 * errors.length);
  for (const line of lines) expect(line).not.toContain(USER.slice(0, 12));
  // What is wrong is still told.
  expect(failureCode(errors[0])).toEqual({
    code: "23505",
    message: 'duplicate key value violates unique constraint "point_balances_pkey"',
  });
  expect(failureCode(errors[1])).toEqual(failureCode(errors[0]));
  expect(failureCode(errors[3])).toEqual({ code: "22P02", message: "invalid input syntax for type integer: …" });
  expect(loggable(errors[1]).frames).toMatch(/^\s+at /);
});

test("what the database will never take is an INTERNAL that no retry helps; a database that is away is worth one", async () => {
  const guarded = databaseCalls(() => {}, { away() {}, answered() {} });
  const refused = guarded(async () => await database.sql`SELECT ${USER}::text::int`);
  await expect(refused).rejects.toMatchObject({ code: "INTERNAL", retryable: false });
  const away = createDatabase("postgres://nobody@127.0.0.1:1/none", { max: 1, name: "test" });
  const unanswered = guarded(async () => await away.sql`SELECT 1`);
  await expect(unanswered).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", retryable: true });
  await away.close();
});
