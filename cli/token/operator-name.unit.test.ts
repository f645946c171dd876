import { afterEach, expect, test } from "bun:test";
import { isUserId } from "../../contracts/wire/ids.ts";
import { buildProgram } from "../program.ts";
import { actAs, cliActor } from "./operator-name.ts";

afterEach(() => actAs(undefined));

test("a command is the login's, or of whom --as names", async () => {
  expect(cliActor()).toMatch(/^operator:cli:(?!unknown)./);
  await buildProgram()
    .parseAsync(["--as", "kim@example.com", "token", "user-1", "--help"], { from: "user" })
    .catch(() => {});
  expect(cliActor()).toBe("operator:cli:kim@example.com");
});

test("every name makes a user id", () => {
  for (const name of ["Anna Müller", "a{b}", '"', "\\", "x".repeat(500), "\u0000"]) {
    expect(isUserId(cliActor(name))).toBe(true);
  }
  expect(cliActor("Anna Müller")).toBe("operator:cli:Anna_M_ller");
});
