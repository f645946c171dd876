import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { migrate } from "../../db/migrate.ts";
import { type CallLine, insertAudit, insertCalls } from "../../db/settings/audit.ts";
import { withinCall } from "../../db/settings/audited-call.ts";
import { listAudit } from "../../db/settings/list-audit.ts";
import { changeSetting } from "../../db/settings/settings.ts";
import { emptyDatabase } from "../support/postgres.ts";

let empty: Awaited<ReturnType<typeof emptyDatabase>>;
let database: Database;
beforeAll(async () => {
  empty = await emptyDatabase();
  await migrate(empty.url);
  database = createDatabase(empty.url, { max: 4, name: "audit-test" });
}, 120_000);
afterAll(async () => {
  await database.close();
  await empty.drop();
});

const call = (requestId: string, more: Partial<CallLine> = {}): CallLine => ({
  actor: "olga",
  action: "switchSaga",
  target: "/admin/saga",
  detail: { path: "/admin/saga" },
  at: "2026-12-01T10:00:00.123Z",
  requestId,
  status: 200,
  code: null,
  address: "192.0.2.7",
  ...more,
});

const list = (filter: Parameters<typeof listAudit>[1], limit = 50) => listAudit(database.orm, filter, null, limit);

test("a batch is written once, also if it is sent twice because its answer was lost", async () => {
  const lines = [call("r1"), call("r2", { actor: "vera", status: 403, code: "FORBIDDEN", address: null })];
  await insertCalls(database.sql, lines);
  await insertCalls(database.sql, [...lines, call("r3")]);
  const { items, nextCursor } = await list({});
  expect(items.map(({ id, ...line }) => ({ ...line, id: typeof id }))).toEqual(
    [call("r3"), lines[1]!, lines[0]!].map((line) => ({ ...line, id: "string" })),
  );
  expect(nextCursor).toBeNull();
});

test("what a call changes carries its request id, in every transaction of it; what no call changes has none", async () => {
  const { sql } = database;
  await withinCall("r9", async () => {
    await changeSetting(sql, "saga", "choreography", "olga");
    await Bun.sleep(5);
    await changeSetting(sql, "saga", "orchestration", "olga");
  });
  await Promise.all([
    withinCall("r10", () => sql.begin((tx) => insertAudit(tx, { actor: "olga", action: "a", target: "both" }))),
    insertAudit(sql, { actor: "role:sale-loader", action: "b", target: "both" }),
  ]);
  const changes = (await list({ requestId: "r9" })).items.map(({ detail, status }) => ({ detail, status }));
  expect(changes).toEqual([
    { detail: { from: "choreography", to: "orchestration" }, status: null },
    { detail: { from: null, to: "choreography" }, status: null },
  ]);
  const both = (await list({ target: "both" })).items.map(({ actor, requestId }) => [actor, requestId]);
  expect(Object.fromEntries(both)).toEqual({ olga: "r10", "role:sale-loader": null });
});

test("filters are and-ed, times hold from and before, and pages meet no line twice", async () => {
  const { sql, orm } = database;
  const at = (second: number) => `2026-12-02T00:00:0${second}.000Z`;
  await insertCalls(
    sql,
    Array.from({ length: 9 }, (_, i) => call(`p${i}`, { actor: "pia", at: at(i) })),
  );
  const of = async (filter: Parameters<typeof listAudit>[1]) =>
    (await list({ actor: "pia", ...filter })).items.map(({ requestId }) => requestId);
  expect(await of({ from: new Date(at(2)), to: new Date(at(5)) })).toEqual(["p4", "p3", "p2"]);
  expect(await of({ action: "editSale" })).toEqual([]);
  expect(await of({ requestId: "p7", target: "/admin/saga" })).toEqual(["p7"]);
  const seen: (string | null)[] = [];
  let cursor: string | null = null;
  do {
    const page = await listAudit(orm, { actor: "pia" }, cursor, 4);
    seen.push(...page.items.map(({ requestId }) => requestId));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(["p8", "p7", "p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
  await expect(listAudit(orm, {}, "x", 4)).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
});

test("a text that PostgreSQL cannot have is refused as such, and not taken for an outage", async () => {
  const { classify } = await import("../../db/errors.ts");
  const error = await insertCalls(database.sql, [call("bad", { target: "\u0000" })]).catch((reason) => reason);
  expect(classify(error)).toBe("permanent");
});
