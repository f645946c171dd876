import { afterAll, beforeAll, expect, test } from "bun:test";
import { jsonTexts } from "../../db/array-literal.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDatabase(database.url, { max: 1, name: "test" });
}, 180_000);
afterAll(async () => {
  await db.close();
  await database.drop();
});

test("JSON texts arrive one by one and as they were, whatever they hold", async () => {
  const values = [
    {},
    null,
    "",
    "NULL",
    [1, 2],
    { quote: '"', backslash: "\\", braces: "},{", lines: "a\nb\r\tc" },
    { separators: "\x1e \x1f \u2028", umlaut: "é語🂡" },
  ];
  const rows = await db.sql<{ value: unknown }[]>`
    SELECT value::json AS value FROM unnest(${jsonTexts(db.sql, values)}) WITH ORDINALITY AS v (value, n) ORDER BY n`;
  expect(rows.map(({ value }) => value)).toEqual(values);
});
