import { expect, test } from "bun:test";
import { transitionTable } from "../../test/saga/transition-table.ts";

const page = await Bun.file(new URL("../../docs/saga.md", import.meta.url)).text();

test("the saga does what its page's table says", () => {
  const table = page.match(/^\| situation .*\n(?:\|.*\n)+/m)![0].trimEnd();
  expect(table.split("\n").length).toBeGreaterThan(10);
  expect(transitionTable().split("\n")).toEqual(table.split("\n"));
});
