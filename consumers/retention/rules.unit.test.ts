import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { getTableName, is, Table } from "drizzle-orm";
import { allTopics } from "../../contracts/topics.ts";
import { readEnvironment } from "../../contracts/wire/environment.ts";
import * as schema from "../../db/schema.ts";
import * as keys from "../../lua/keys.ts";
import { RetentionEnvironment } from "./environment.ts";
import { retentionTables, withRetentionTables } from "./retention-tables.ts";
import { KEPT_TABLES, OTHER_RULES, REDIS_KEYS, ROW_RULES, RULED_TABLES } from "./rules.ts";

test("every table says whether something of it goes, or why it stays", () => {
  const tables = Object.values(schema).flatMap((one) => (is(one, Table) ? [String(getTableName(one))] : []));
  const said: string[] = [...Object.keys(KEPT_TABLES), ...RULED_TABLES];
  // A table that is missing here needs a rule or a reason in rules.ts.
  expect(tables.filter((name) => !said.includes(name))).toEqual([]);
  expect(said.filter((name) => !(tables as string[]).includes(name))).toEqual([]);
});

test("every kind of key in Redis says what ends it", () => {
  const makers = Object.keys(keys).filter((name) => /Keys?$|_KEYS?$/.test(name));
  // A kind of key that is missing here needs a line in rules.ts.
  expect(makers.filter((name) => !(name in REDIS_KEYS))).toEqual([]);
  expect(Object.keys(REDIS_KEYS).filter((name) => !makers.includes(name))).toEqual([]);
});

test("kinds are named once", () => {
  const kinds = [...OTHER_RULES, ...ROW_RULES].map(({ kind }) => kind);
  expect(new Set(kinds).size).toBe(kinds.length);
});

test("the operations guide has the same table (else: ./dev docs)", async () => {
  const text = await Bun.file(new URL("../../docs/operations.md", import.meta.url)).text();
  expect(withRetentionTables(text, retentionTables())).toBe(text);
});

test("what tells a record that was dealt with can't go while Kafka may hand the record out again", () => {
  const read = (environment: Record<string, string>) => readEnvironment(Type.Object(RetentionEnvironment), environment);
  const longest = Math.max(...[...allTopics().values()].map(({ retentionDays }) => retentionDays));
  for (const name of ["RETENTION_SAGAS_DAYS", "RETENTION_DEAD_LETTERS_DAYS"] as const) {
    expect(() => read({ [name]: "0" })).toThrow(name);
    expect(() => read({ [name]: String(longest) })).toThrow(name);
    expect(read({ [name]: String(longest + 1) })[name]).toBe(longest + 1);
  }
  const requests = allTopics().get("coupon-requests")!.retentionDays;
  expect(() => read({ RETENTION_REQUESTS_DAYS: String(requests) })).toThrow("RETENTION_REQUESTS_DAYS");
  expect(read({ RETENTION_REQUESTS_DAYS: String(requests + 1) }).RETENTION_REQUESTS_DAYS).toBe(requests + 1);
  expect(() => read({ RETENTION_OPERATOR_KEYS_DAYS: "0" })).toThrow("RETENTION_OPERATOR_KEYS_DAYS");
});
