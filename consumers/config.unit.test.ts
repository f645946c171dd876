import { expect, test } from "bun:test";
import { readConfig } from "./config.ts";
import { ROLE_NAMES } from "./role-names.ts";

test("without a choice all roles run; the command line wins over the environment", () => {
  expect(readConfig({}).roles).toEqual(ROLE_NAMES);
  expect(readConfig({ ROLES: "notify, claim-relay" }).roles).toEqual(["notify", "claim-relay"]);
  expect(readConfig({ ROLES: "notify" }, "sale-loader").roles).toEqual(["sale-loader"]);
});

test("wrong words and numbers are named", () => {
  expect(() => readConfig({ ROLES: "persist" })).toThrow("persist");
  expect(() => readConfig({ LEDGER_AGE_MS: "soon" })).toThrow("LEDGER_AGE_MS");
  expect(() => readConfig({ DATABASE_CONNECTIONS: "3" })).toThrow(
    "DATABASE_CONNECTIONS=3: must be a whole number from 4 to 1000, in digits (PostgreSQL connections for the work of",
  );
});
