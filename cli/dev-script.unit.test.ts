import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const clone = mkdtempSync(join(tmpdir(), "stampede-dev-"));
afterAll(() => rmSync(clone, { recursive: true, force: true }));

/** A checkout in which nothing is installed yet, with a program in place of the commands. */
function freshClone(program: string): void {
  mkdirSync(join(clone, "cli"));
  mkdirSync(join(clone, ".stack/tools/node_modules/.bin"), { recursive: true });
  copyFileSync(resolve(import.meta.dir, "../dev"), join(clone, "dev"));
  chmodSync(join(clone, "dev"), 0o755);
  writeFileSync(join(clone, "package.json"), JSON.stringify({ name: "clone", engines: { bun: Bun.version } }, null, 2));
  writeFileSync(join(clone, "cli/main.ts"), program);
  symlinkSync(process.execPath, join(clone, ".stack/tools/node_modules/.bin/bun"));
}

test("the first command in a fresh clone shows its errors, as every later one does", () => {
  freshClone('process.stderr.write("error: port 16379 is in use\\n"); process.exitCode = 3;');
  const run = () =>
    Bun.spawnSync([join(clone, "dev"), "up"], { env: { ...process.env, BUN_INSTALL_CACHE_DIR: clone } });
  for (const attempt of [run(), run()]) {
    expect(attempt.stderr.toString()).toContain("error: port 16379 is in use");
    expect(attempt.exitCode).toBe(3);
  }
});
