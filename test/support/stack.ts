import { createTestStack } from "../../cli/commands/test.ts";
import { openPostgres } from "../../db/connect.ts";
import { migrate } from "../../db/migrate.ts";
import { type DatabaseUser, grantRoles, ROLE_OF } from "../../db/roles.ts";
import { ensureDatabase, siblingUrl } from "../../stack/database.ts";
import { databaseUrlOf } from "../../stack/schema.ts";
import { BASE_SERVICES } from "../../stack/service-names.ts";
import type { Stack } from "../../stack/stack.ts";

let starting: Promise<Stack> | undefined;

/** The tests' own Redis, PostgreSQL and Kafka (.stack/test, ports + 1000), started if need be and left running. */
export function testStack(): Promise<Stack> {
  starting ??= start();
  return starting;
}

async function start(): Promise<Stack> {
  const stack = createTestStack();
  await stack.up(BASE_SERVICES);
  return stack;
}

const TEMPLATE = "stampede_template";
let template: Promise<void> | undefined;

/** A database with the newest schema and nothing in it; made by copying a template, which takes some 50 ms. @returns its URL */
export async function freshDatabase(name: string): Promise<string> {
  const { env } = await testStack();
  template ??= makeTemplate(env.DATABASE_URL);
  await template;
  const unique = `${name}_${process.pid}_${Bun.nanoseconds().toString(36)}`.replace(/[^a-z0-9_]/gi, "_").toLowerCase();
  const url = siblingUrl(env.DATABASE_URL, unique);
  await ensureDatabase(url, TEMPLATE);
  return url;
}

/** How the gateway or the consumers log in to a fresh database: with the rights that they have in production. */
export async function databaseUrlFor(user: DatabaseUser, url: string): Promise<string> {
  const { context } = await testStack();
  const { passwords, env } = context;
  return databaseUrlOf(user, { passwords, isOwnDatabase: true, env: { ...env, DATABASE_URL: url } });
}

async function makeTemplate(base: string): Promise<void> {
  const url = siblingUrl(base, TEMPLATE);
  await ensureDatabase(url);
  await migrate(url);
  const sql = openPostgres(url, { max: 1, onnotice: () => {} });
  try {
    await grantRoles(sql, ROLE_OF); // copies of the database have the same rights
  } finally {
    await sql.end({ timeout: 1 });
  }
}
