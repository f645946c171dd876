import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inheritedEnvironment } from "./config.ts";
import { CliError } from "./errors.ts";
import { type Progress, secondsSince } from "./progress.ts";

const OURS = "# put here by ./dev for the time of an installation";

/**
 * Debian's packages of Redis and PostgreSQL start system services (and a database cluster) on the default ports as
 * they are installed. These files say no while they exist; they are removed afterwards, also the ones that a killed
 * run left behind. A file of another origin stays.
 */
const GUARDS: readonly { path: string; text: string; mode: number }[] = [
  { path: "/usr/sbin/policy-rc.d", text: `#!/bin/sh\n${OURS}\nexit 101\n`, mode: 0o755 },
  {
    path: "/etc/postgresql-common/createcluster.d/stampede.conf",
    text: `${OURS}\ncreate_main_cluster = false\n`,
    mode: 0o644,
  },
];

function raiseGuards(): void {
  for (const { path, text, mode } of GUARDS) {
    if (existsSync(path)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
  }
}

function dropGuards(): void {
  for (const { path } of GUARDS) {
    if (existsSync(path) && readFileSync(path, "utf8").includes(OURS)) rmSync(path);
  }
}

async function apt(args: readonly string[], logFile: string): Promise<void> {
  const child = Bun.spawn(["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", ...args], {
    env: { ...inheritedEnvironment(), DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l" },
    stdio: ["ignore", Bun.file(logFile), Bun.file(`${logFile}.err`)],
    // A Ctrl-C must not hit dpkg in the middle of a package: it finishes, then we stop.
    detached: true,
  });
  if ((await child.exited) !== 0) {
    const why = readFileSync(`${logFile}.err`, "utf8").trim().split("\n").at(-1);
    throw new CliError(`apt-get ${args[0]} failed: ${why}`);
  }
}

/** Whether we could install packages ourselves. */
export interface Installer {
  readonly hasApt: boolean;
  readonly isRoot: boolean;
}

/**
 * What to say instead of installing packages, or null where we may and can.
 * @param purpose e.g. "to compile …"; without one it is a service, for which Docker would do as well
 */
export function instead({ hasApt, isRoot }: Installer, packages: readonly string[], purpose?: string): string | null {
  const list = packages.join(" ");
  const what = purpose === undefined ? "(or start Docker), then try again" : `${purpose}, then try again`;
  if (!hasApt) return `this machine has no apt-get: install what Debian calls ${list} ${what}`;
  if (!isRoot) return `some tools are missing: run \`sudo apt-get install -y ${list}\` ${what}`;
  return null;
}

/**
 * Installs Debian packages that the stack lacks.
 * @throws CliError one sentence with the command to type, where we may not or cannot install
 */
export async function installPackages(
  packages: readonly string[],
  logFile: string,
  progress: Progress,
  purpose?: string,
): Promise<void> {
  if (packages.length === 0) return;
  const list = packages.join(" ");
  const installer = { hasApt: Bun.which("apt-get") !== null, isRoot: process.getuid?.() === 0 };
  const refusal = instead(installer, packages, purpose);
  if (refusal !== null) throw new CliError(refusal);
  const begun = performance.now();
  progress.begin("apt-get", `installing ${list}${purpose === undefined ? "" : ` ${purpose}`}`);
  raiseGuards();
  try {
    await apt(["update"], logFile);
    await apt(["install", "-y", "--no-install-recommends", ...packages], logFile);
  } finally {
    dropGuards();
  }
  progress.done("apt-get", `installed ${list} in ${secondsSince(begun)}`);
}
