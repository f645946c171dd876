import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./decisions/", import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .sort();
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

test("decisions are numbered from 0001 without a gap or a repeated number", () => {
  expect(files.map((name) => name.slice(0, 5))).toEqual(files.map((_, i) => `${String(i + 1).padStart(4, "0")}-`));
});

test("the index has each decision's number, title and date, in the order of the numbers", () => {
  const expected = files.map((name) => {
    const [title, , date] = read(name).split("\n");
    return `| [${name.slice(0, 4)}](${name}) | ${title!.replace("# ", "")} | ${date} |`;
  });
  const rows = read("README.md")
    .split("\n")
    .filter((line) => line.startsWith("| [0"))
    .map((line) => line.split("|").slice(0, 4).join("|").concat("|"));
  expect(rows).toEqual(expected);
});

test("each decision has a date and its four parts", () => {
  const incomplete = files.filter((name) => {
    const text = read(name);
    const parts = ["Context", "Decision", "Consequences", "Rejected"];
    return !/^# .+\n\n\d{4}-\d\d-\d\d\n/.test(text) || parts.some((part) => !text.includes(`**${part}.**`));
  });
  expect(incomplete).toEqual([]);
});

test("links between decisions lead to files", () => {
  const dangling: string[] = [];
  for (const name of files) {
    for (const [, target] of read(name).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      if (!files.includes(target!) && !target!.startsWith("../")) dangling.push(`${name} → ${target}`);
    }
  }
  expect(dangling).toEqual([]);
});
