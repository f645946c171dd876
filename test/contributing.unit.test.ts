import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const ROOM = "(?:bench|cli|consumers|contracts|db|docs|gateway|kafka|lua|ops|stack|test|verify)";

/** Files and folders that a page names in backquotes. */
function namedFiles(page: string): string[] {
  const text = readFileSync(resolve(root, page), "utf8");
  return [...text.matchAll(new RegExp(`\`(?:\\./dev test )?(${ROOM}/[\\w./-]+)\``, "g"))].map(([, file]) => file!);
}

test("every file that CONTRIBUTING names exists", () => {
  const files = namedFiles("CONTRIBUTING.md");
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(resolve(root, file)))).toEqual([]);
});
