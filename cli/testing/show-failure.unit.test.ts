import { expect, test } from "bun:test";
import { commandsFor } from "./show-failure.ts";

const OUTPUT = `a.int.test.ts:
(pass) a test

b.int.test.ts:
(fail) another test
(fail) a third test

2 tests failed:
(fail) another test
`;
const FILES = ["a.int.test.ts", "b.int.test.ts"];

test("of files that share a process those with a failed test are named", () => {
  expect(commandsFor(OUTPUT, FILES, "int")).toEqual(["./dev test b.int.test.ts"]);
});

test("a file that runs in a separate process is named, whatever it wrote", () => {
  expect(commandsFor("killed after 600 s", ["a.int.test.ts"], "int")).toEqual(["./dev test a.int.test.ts"]);
});

test("where no failed test is named, all files are run again, or their tier if they are many", () => {
  expect(commandsFor("killed after 600 s", FILES, "int")).toEqual(["./dev test a.int.test.ts b.int.test.ts"]);
  expect(commandsFor("killed", Array(100).fill("a.unit.test.ts"), "unit")).toEqual(["./dev test --only unit"]);
  expect(commandsFor("a mistake", [], "types")).toEqual(["./dev test --only types"]);
});
