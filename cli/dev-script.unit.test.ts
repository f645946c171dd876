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

/** An npm that brings a program with this text for Bun of linux-x64, and a list that expects another text. */
function withNpm(text: string, expected: string): { readonly env: Record<string, string>; readonly program: string } {
  rmSync(clone, { recursive: true });
  freshClone("");
  rmSync(join(clone, ".stack"), { recursive: true });
  const version = "0.0.1"; // no Bun of this machine
  writeFileSync(join(clone, "package.json"), JSON.stringify({ devDependencies: { bun: version } }, null, 2));
  const sha256 = new Bun.CryptoHasher("sha256").update(expected).digest("hex");
  const bun = [
    { file: `bun-darwin-x64-${version}`, sha256: "0".repeat(64) },
    { file: `bun-linux-x64-${version}`, sha256 },
  ];
  mkdirSync(join(clone, "ops"));
  writeFileSync(join(clone, "ops/downloads.json"), JSON.stringify({ bun }, null, 2));
  const home = join(clone, ".stack/tools/node_modules/@oven/bun-linux-x64/bin");
  const npm = join(clone, "bin/npm");
  mkdirSync(join(clone, "bin"));
  writeFileSync(npm, `#!/bin/sh\nmkdir -p ${home}\ncat > ${home}/bun <<'TEXT'\n${text}TEXT\nchmod +x ${home}/bun\n`);
  chmodSync(npm, 0o755);
  return { env: { PATH: `${join(clone, "bin")}:/usr/bin:/bin`, HOME: clone }, program: join(home, "bun") };
}

const FAKE_BUN = '#!/bin/sh\nif [ "$1" = --version ]; then echo 0.0.1; else echo "ran $1" >> "$HOME/ran"; fi\n';

test("a Bun that npm brought runs only if it has the sum of the list", () => {
  const good = withNpm(FAKE_BUN, FAKE_BUN);
  const run = Bun.spawnSync([join(clone, "dev"), "status"], { env: good.env });
  expect(run.stderr.toString()).toContain("bun        0.0.1 installed");
  expect(existsSync(join(clone, "ran"))).toBe(true);
  const forged = withNpm(FAKE_BUN, "what the makers published");
  const refused = Bun.spawnSync([join(clone, "dev"), "status"], { env: forged.env });
  expect(refused.stderr.toString()).toMatch(/bun-linux-x64-0\.0\.1 has the SHA-256 \w{64}, and .*: it was removed/);
  expect(refused.exitCode).toBe(1);
  expect(existsSync(join(clone, "ran"))).toBe(false);
  expect(existsSync(forged.program)).toBe(false);
});
