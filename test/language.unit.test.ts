import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

// Phrases that make a reader stop: sentences without a subject, or a pointer to a document that is not in the repository.
const RIDDLES = /\bwhoever|\bso long as\b|\bof (?:its|their|our|your|his) own\b|\(design[ )]/gi;

// Texts that keep what an earlier release wrote, and this file.
const KEPT = /^(?:test\/lua\/scripts-before\/|db\/migrations\/|patches\/|test\/language\.unit\.test\.ts$)/;

/** Riddles that a room still has. A number may only become smaller; a room without a number must have none. */
const LEFT: Readonly<Record<string, number>> = {};

test("comments, messages and documents have no riddles", () => {
  const root = new URL("../", import.meta.url).pathname;
  const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
  const found = new Map<string, string[]>();
  for (const file of listed.stdout.toString().split("\n")) {
    if (!/\.(?:ts|lua|sql|md|mjs|js|html|conf|ya?ml)$/.test(file) || KEPT.test(file)) continue;
    const room = file.includes("/") ? file.slice(0, file.indexOf("/")) : file;
    readFileSync(`${root}${file}`, "utf8")
      .split("\n")
      .forEach((line, i) => {
        for (const [phrase] of line.matchAll(RIDDLES)) {
          found.set(room, [...(found.get(room) ?? []), `${file}:${i + 1} ${phrase}`]);
        }
      });
  }
  const tooMany = [...found].filter(([room, places]) => places.length > (LEFT[room] ?? 0));
  expect(Object.fromEntries(tooMany)).toEqual({});
});
