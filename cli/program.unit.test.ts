import { expect, test } from "bun:test";
import type { Command } from "commander";
import { readConfig } from "../stack/config.ts";
import { buildProgram } from "./program.ts";

/** Every command with its path, the program itself left out. */
function commands(of: Command, path = ""): { path: string; command: Command }[] {
  return of.commands.flatMap((command) => {
    const here = `${path} ${command.name()}`.trim();
    return [{ path: here, command }, ...commands(command, here)];
  });
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** What the program says about a wrong use, and the code it leaves with. */
async function wrongUse(...args: string[]): Promise<{ text: string; exitCode: number }> {
  let text = "";
  const quiet = (command: Command): void => {
    command.configureOutput({ writeErr: (part) => (text += part) });
    command.commands.forEach(quiet);
  };
  const program = buildProgram();
  quiet(program);
  const error = await program.parseAsync(args, { from: "user" }).catch((reason) => reason);
  return { text, exitCode: error?.exitCode };
}

test.each(
  commands(buildProgram())
    .filter(({ path }) => !path.startsWith("help"))
    .map(({ path, command }) => [path, command] as const),
)("%s says what it does and shows an example", (path, command) => {
  expect(command.description()).not.toBe("");
  expect(helpOf(command)).toMatch(new RegExp(`Examples?:\n  .*\\./dev ${path}`));
});

test.each([
  ["verfiy", "verify"],
  ["stauts", "status"],
  ["benhc", "bench"],
])("for %s it suggests %s", async (typed, meant) => {
  expect((await wrongUse(typed)).text).toContain(`Did you mean ${meant}?`);
});

test("of a group's commands too", async () => {
  expect((await wrongUse("sale", "crate")).text).toContain("Did you mean create?");
});

test.each([
  ["a word that is no service", ["up", "redsi"], "redis"],
  ["a number that is none", ["sale", "create", "--total", "many"], "whole number"],
  ["a time that is none", ["sale", "create", "--starts", "soon"], "+3s"],
  ["a pipeline that is none", ["pipeline", "kafkaa"], "kafka, redis or a whole number from 0 to 100"],
  ["more than all users", ["pipeline", "101"], "from 0 to 100"],
  ["less than no users", ["pipeline", "--", "-1"], "from 0 to 100"],
  ["a mode that is none", ["saga", "mode", "paralel"], "parallel, sequential, adaptive or a whole number"],
  ["more parallel users than there are", ["saga", "mode", "101"], "from 0 to 100"],
  ["a resize without a total", ["sale", "resize", "7qj4x0m2kd9a"], "--total"],
  ["a revocation without a reason", ["sale", "revoke", "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd"], "--why"],
  ["a coupon's id instead of a request's", ["sale", "revoke", "7qj4x0m2kd9a", "--why", "x"], "a request id"],
  ["an empty reason", ["sale", "revoke", "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd", "--why", " "], "why"],
  ["an event's id instead of a dead letter's number", ["dead-letters", "show", "e-1"], "a number like 17"],
  ["a number that no letter has", ["dead-letters", "retry", "0"], "a number like 17"],
  ["one wrong number of several", ["dead-letters", "retry", "1", "x"], "a number like 17"],
  ["no number at all", ["dead-letters", "retry"], "missing required argument"],
  ["a discarding without a reason", ["dead-letters", "discard", "17"], "--why"],
  ["a discarding with an empty one", ["dead-letters", "discard", "17", "--why", " "], "why"],
  ["a status that is none", ["dead-letters", "list", "--status", "DEAD"], "EXHAUSTED"],
  ["a user id with a space", ["token", "a b"], "1–128"],
  [
    "an operator's role that is none",
    ["token", "ann", "--operator-role", "seller,emperor"],
    "viewer, seller, treasurer, admin",
  ],
  ["a block without a reason", ["block", "ann"], "--why"],
])("%s is refused with what is allowed", async (_, args, hint) => {
  expect((await wrongUse(...args)).text).toContain(hint);
});

test.each([
  ["GATEWAY_PORT", "eighty"],
  ["STAMPEDE_REDIS_PORT", "0"],
  ["STAMPEDE_KAFKA_PORT", "70000"],
])("%s=%s is refused by name", (name, value) =>
  expect(() => readConfig({ [name]: value })).toThrow(`${name}=${value}`),
);

test("an empty variable counts as absent, and a flag is on unless it says no", () => {
  expect(readConfig({ GATEWAY_PORT: "", STAMPEDE_NATIVE: "1" })).toMatchObject({
    GATEWAY_PORT: 8080,
    STAMPEDE_NATIVE: true,
  });
  expect(readConfig({ STAMPEDE_NATIVE: "0" }).STAMPEDE_NATIVE).toBe(false);
});
