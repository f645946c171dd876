import { expect, test } from "bun:test";
import pino from "pino";
import { databaseCalls } from "./database-errors.ts";
import { DatabaseOutageLog } from "./database-outage-log.ts";
import { createErrorLog } from "./http/error-log.ts";

test("a database that is away is logged once, every 30 s, and once when it is back, however many calls fail", async () => {
  const lines: string[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) });
  let now = 0;
  const onError = createErrorLog(log);
  const guarded = databaseCalls(onError, new DatabaseOutageLog(log, () => now));
  const refused = async () => {
    throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  };
  for (now = 500; now <= 40_000; now += 500) await guarded(refused).catch(onError);
  await guarded(async () => 1); // one connection may still answer
  now += 2_000;
  for (let i = 0; i < 3; i++) await guarded(async () => 1);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 40, why: "connect ECONNREFUSED", forS: 0, msg: "PostgreSQL does not answer" },
    { level: 40, why: "connect ECONNREFUSED", forS: 30, msg: "PostgreSQL does not answer" },
    { level: 30, afterS: 42, msg: "PostgreSQL answers again" },
  ]);
});

test("what the database itself refuses is logged as before", async () => {
  const errors: unknown[] = [];
  const guarded = databaseCalls((error) => errors.push(error), new DatabaseOutageLog(pino({ level: "silent" })));
  const missing = Object.assign(new Error('relation "x" does not exist'), { code: "42P01" });
  await expect(guarded(() => Promise.reject(missing))).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(errors).toEqual([missing]);
});
