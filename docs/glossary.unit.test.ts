import { expect, test } from "bun:test";

const root = new URL("../", import.meta.url);
const glossary = await Bun.file(new URL("GLOSSARY.md", root)).text();
const rows = glossary.split("\n").filter((line) => /^\| (?!word )/.test(line));

test("each word of the glossary is defined in the file that it names", async () => {
  const wrong: string[] = [];
  for (const row of rows) {
    const place = /`(\w+)` in \[([^\]]+)\]\(([^)]+)\) \|$/.exec(row);
    if (place === null || place[2] !== place[3]) {
      wrong.push(`no name and file: ${row}`);
      continue;
    }
    const [, name, path] = place;
    const file = Bun.file(new URL(path!, root));
    const definition = new RegExp(`^export (?:async )?(?:type|interface|class|const|function) ${name}\\b`, "m");
    if (!(await file.exists())) wrong.push(`${path} does not exist: ${name}`);
    else if (!definition.test(await file.text())) wrong.push(`${path} does not define ${name}`);
  }
  expect(rows.length).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});

test("each word stands in the glossary once", () => {
  const words = rows.map((row) => row.split("|")[1]!.trim());
  expect(words.filter((word, i) => words.indexOf(word) !== i)).toEqual([]);
});
