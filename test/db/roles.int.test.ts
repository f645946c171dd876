import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import postgres from "postgres";
import { migrate } from "../../db/migrate.ts";
import { makeMonths, mayPartition, missingMonths, monthStart } from "../../db/partitions.ts";
import { DATABASE_USERS, type DatabaseUser, grantRoles, makeRoles, ROLE_OF, WRITES } from "../../db/roles.ts";
import { freshDatabase, startPostgres } from "../support/postgres.ts";

// A separate server, because roles belong to a whole server.
const PASSWORDS = { gateway: "it's a g", consumers: "c" } as const;
const DENIED = "42501";

let server: Awaited<ReturnType<typeof startPostgres>>;
let owner: postgres.Sql;
let as: Readonly<Record<DatabaseUser, postgres.Sql>>;

beforeAll(async () => {
  server = await startPostgres();
  const { url } = await freshDatabase(server.url);
  owner = postgres(url, { max: 1, onnotice: () => {} });
  await makeRoles(url, PASSWORDS);
  await makeRoles(url, PASSWORDS); // does no harm the second time
  const open = (user: DatabaseUser) => {
    const login = Object.assign(new URL(url), {
      username: ROLE_OF[user],
      password: encodeURIComponent(PASSWORDS[user]),
    });
    return postgres(login.href, { max: 1, onnotice: () => {} });
  };
  as = { gateway: open("gateway"), consumers: open("consumers") };
}, 120_000);

afterAll(async () => {
  await Promise.all([owner, as?.gateway, as?.consumers].map((sql) => sql?.end({ timeout: 1 })));
  server?.remove();
});

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "allowed",
    (error) => error.code,
  );

test.each(DATABASE_USERS)("%s may write to its tables only, and is no owner of anything", async (user) => {
  const rights = await owner<{ table: string; right: string }[]>`
    SELECT c.relname AS table, a.privilege_type AS right FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE a.grantee = ${ROLE_OF[user]}::regrole AND c.relkind IN ('r', 'p') AND a.privilege_type <> 'SELECT'`;
  const found = rights.map(({ table, right }) => `${right} ${table}`).sort();
  const wanted = Object.entries(WRITES[user]).flatMap(([table, writes]) => writes.map((right) => `${right} ${table}`));
  expect(found).toEqual(wanted.sort());
  const [role] = await owner`
    SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls AS strong,
           (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned FROM pg_roles r WHERE rolname = ${ROLE_OF[user]}`;
  expect(role).toEqual({ strong: false, owned: 0 });
  expect(await codeOf(as[user]`CREATE TABLE mine (id int)`)).toBe(DENIED);
});

test.each(DATABASE_USERS)("%s adds to the audit log, reads it and cannot change it", async (user) => {
  const sql = as[user];
  await sql`INSERT INTO audit_log (actor, action, target) VALUES (${user}, 'test', ${user})`;
  expect(await sql`SELECT actor FROM audit_log WHERE target = ${user}`).toMatchObject([{ actor: user }]);
  const [{ place }] = (await owner`SELECT tableoid::regclass::text AS place FROM audit_log WHERE target = ${user}`) as [
    { place: string },
  ];
  for (const table of ["audit_log", place, "audit_log_other", "events"]) {
    expect(await codeOf(sql`DELETE FROM ${sql(table)}`)).toBe(DENIED);
    expect(await codeOf(sql`UPDATE ${sql(table)} SET ${table === "events" ? sql`type = 'x'` : sql`actor = 'x'`}`)).toBe(
      DENIED,
    );
    expect(await codeOf(sql`TRUNCATE ${sql(table)}`)).toBe(DENIED);
    expect(await codeOf(sql`DROP TABLE ${sql(table)}`)).toBe(DENIED);
  }
  expect(await codeOf(sql`ALTER TABLE audit_log DETACH PARTITION ${sql(place)}`)).toBe(DENIED);
});

test("the consumers make the months to come, and nothing else by that function", async () => {
  expect([await mayPartition(as.consumers), await mayPartition(as.gateway)]).toEqual([true, false]);
  const later = monthStart(new Date(), 7);
  await owner`INSERT INTO audit_log (actor, action, target, at) VALUES ('olga', 'test', 'early', ${later})`;
  const made = await makeMonths(as.consumers, "audit_log", later);
  expect(made).toHaveLength(3);
  expect(await missingMonths(as.consumers, "audit_log", later)).toEqual([]);
  const [row] = await owner`SELECT tableoid::regclass::text AS place FROM audit_log WHERE target = 'early'`;
  expect(row!.place).toBe(made[0]!);
  const make = (sql: postgres.Sql, table: string, month: Date) =>
    codeOf(sql`SELECT make_month_partition(${table}, ${month.toISOString()}::text::timestamptz)`);
  const INVALID = "22023";
  expect(await make(as.consumers, "orders", later)).toBe(INVALID);
  expect(await make(as.consumers, "events", new Date(later.getTime() + 1))).toBe(INVALID);
  expect(await make(as.consumers, "events", monthStart(new Date(), 30))).toBe(INVALID);
  expect(await make(as.gateway, "events", later)).toBe(DENIED);
  const [table] = await owner`
    SELECT tableowner FROM pg_tables WHERE tablename = ${made[0]!} AND tableowner = current_user`;
  expect(table).toBeDefined();
});

test("every table with a right exists, and no right is granted on what only the owner changes", async () => {
  const tables = (await owner`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`).map((row) => row.tablename);
  for (const user of DATABASE_USERS) {
    expect(Object.keys(WRITES[user]).filter((table) => !tables.includes(table))).toEqual([]);
    expect(WRITES[user].audit_log).toEqual(["INSERT"]);
    expect(WRITES[user].events).toBeUndefined();
  }
});

test("ops/postgres/roles.sql makes roles and a database in which the owner, no superuser, can migrate and grant", async () => {
  const other = await startPostgres();
  try {
    const file = join(import.meta.dir, "../../ops/postgres/roles.sql");
    const passwords = ["owner", "gateway", "consumers"].flatMap((name) => ["-v", `${name}=${name}'s`]);
    const made = Bun.spawnSync(["psql", "-X", "-v", "ON_ERROR_STOP=1", ...passwords, "-f", file, other.url]);
    expect(made.stderr.toString()).toBe("");
    const login = (user: string) => `postgres://${user}:secret@127.0.0.1:${other.port}/stampede`;
    await migrate(login("stampede"));
    const sql = postgres(login("stampede"), { max: 1, onnotice: () => {} });
    await grantRoles(sql, ROLE_OF);
    await grantRoles(sql, ROLE_OF);
    await sql.end();
    const consumers = postgres(login(ROLE_OF.consumers), { max: 1, onnotice: () => {} });
    expect(await codeOf(consumers`DELETE FROM audit_log`)).toBe(DENIED);
    expect(await codeOf(consumers`INSERT INTO audit_log (actor, action, target) VALUES ('c', 'test', 't')`)).toBe(
      "allowed",
    );
    expect(await mayPartition(consumers)).toBe(true);
    await consumers.end();
  } finally {
    other.remove();
  }
}, 60_000);
