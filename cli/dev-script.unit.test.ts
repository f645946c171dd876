import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const clone = mkdtempSync(join(tmpdir(), "stampede-dev-"));
afterAll(() => rmSync(clone, { recursive: true, force: true }));

/** A checkout in which nothing is installed yet, with a program in place of the commands. */
function freshClone(program: string): void {
  mkdirSync(join(clone, "cli"), { recursive: true });
  mkdirSync(join(clone, ".stack/tools/node_modules/.bin"), { recursive: true });
  copyFileSync(resolve(import.meta.dir, "../dev"), join(clone, "dev"));
  chmodSync(join(clone, "dev"), 0o755);
  writeFileSync(join(clone, "package.json"), JSON.stringify({ name: "clone", engines: { bun: Bun.version } }, null, 2));
  writeFileSync(join(clone, "cli/main.ts"), program);
  symlinkSync(process.execPath, join(clone, ".stack/tools/node_modules/.bin/bun"));
}

test("help in a fresh clone installs nothing, and says what is missing", () => {
  freshClone('process.stdout.write("installed after all");');
  const run = (...args: string[]) => Bun.spawnSync([join(clone, "dev"), ...args]);
  for (const args of [["--help"], ["up", "--help"], ["up", "-h"], ["help"], ["help", "up"]]) {
    const { stdout, exitCode } = run(...args);
    expect(stdout.toString()).toContain(`Bun ${Bun.version}: found`);
    expect(stdout.toString()).toContain("packages: missing");
    expect(exitCode).toBe(0);
  }
  expect(existsSync(join(clone, ".stack/tools/install.log"))).toBe(false);
});

test("the first command in a fresh clone shows its errors, as every later one does", () => {
  rmSync(clone, { recursive: true });
  freshClone('process.stderr.write("error: port 16379 is in use\\n"); process.exitCode = 3;');
  const run = () =>
    Bun.spawnSync([join(clone, "dev"), "up"], { env: { ...process.env, BUN_INSTALL_CACHE_DIR: clone } });
  for (const attempt of [run(), run()]) {
    expect(attempt.stderr.toString()).toContain("error: port 16379 is in use");
    expect(attempt.exitCode).toBe(3);
  }
});
