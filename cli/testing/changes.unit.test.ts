import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitNumber, readChanges } from "./changes.ts";

const root = mkdtempSync(join(tmpdir(), "stampede-changes-"));
afterAll(() => rmSync(root, { recursive: true }));

function git(...args: string[]): void {
  const who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
  const { exitCode, stderr } = Bun.spawnSync(["git", "-C", root, ...who, ...args]);
  if (exitCode !== 0) throw new Error(stderr.toString());
}
const write = (file: string, text = file) => writeFileSync(join(root, file), text);

test("outside of a repository nothing is known", () => {
  expect(readChanges(root)).toEqual({ base: null, files: [] });
  expect(commitNumber(root)).toBe(0);
});

test("changes count from where the branch left main; deleted files are left out", () => {
  git("init", "--quiet", "--initial-branch=main");
  for (const file of ["a", "b", "c"]) write(file);
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  git("checkout", "--quiet", "-b", "work");
  write("b", "committed");
  git("rm", "--quiet", "c");
  git("commit", "--quiet", "-am", "second");
  write("a", "uncommitted");
  write("d", "untracked");
  expect([...readChanges(root).files].sort()).toEqual(["a", "b", "d"]);
  expect(commitNumber(root)).toBe(2);
});

test("on main itself they count from the commit before", () => {
  git("checkout", "--quiet", "--force", "main");
  git("clean", "--quiet", "--force");
  expect(readChanges(root)).toEqual({ base: null, files: [] }); // the first commit has none before it
  write("b", "again");
  git("commit", "--quiet", "-am", "third");
  expect(readChanges(root).files).toEqual(["b"]);
});

test("a shallow clone knows no changes, and its turn follows from the commit", () => {
  const shallow = join(root, "shallow");
  git("clone", "--quiet", "--depth", "1", `file://${root}`, shallow);
  expect(readChanges(shallow)).toEqual({ base: null, files: [] });
  const head = Bun.spawnSync(["git", "-C", root, "rev-parse", "HEAD"]).stdout.toString();
  expect(commitNumber(shallow)).toBe(Number.parseInt(head.slice(0, 8), 16));
});
