import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const home = join(root, ".stack/tools/schemathesis");
const requirements = join(root, "test/generated/requirements.txt");
/** A first installation fetches about 25 packages. */
const INSTALL_LIMIT_S = 240;

/** The program, or the sentence that says why it is not here. */
export type Schemathesis = { readonly program: string } | { readonly missing: string };

async function run(argv: readonly string[], limitS: number): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    timeout: limitS * 1_000,
  });
  const [out, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output: out + errors };
}

/** Installs Schemathesis of the pinned version into `.stack/tools`, once. It needs Python 3.10 and the Python package index. */
export async function installSchemathesis(): Promise<Schemathesis> {
  const program = join(home, "bin", "schemathesis");
  const wanted = /^schemathesis==(.+)$/m.exec(await Bun.file(requirements).text())![1]!;
  if (existsSync(program)) {
    const { output } = await run([program, "--version"], 30);
    if (output.includes(wanted)) return { program };
  }
  const python = Bun.which("python3");
  if (python === null) return { missing: "there is no python3 on this machine" };
  const made = await run([python, "-m", "venv", "--clear", home], INSTALL_LIMIT_S);
  if (made.code !== 0)
    return { missing: `python3 cannot make an environment (Debian: python3-venv): ${last(made.output)}` };
  const installed = await run([join(home, "bin", "pip"), "install", "-q", "-r", requirements], INSTALL_LIMIT_S);
  if (installed.code !== 0) return { missing: `pip cannot install ${wanted}: ${last(installed.output)}` };
  return { program };
}

const last = (output: string): string => output.trim().split("\n").at(-1) ?? "";
