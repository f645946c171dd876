import { dependencies } from "../package.json";
import { CliError } from "./errors.ts";
import type { StackContext } from "./service.ts";

/** `crypto.hash` (contracts/wire/uuid5.ts) came with it. */
const OLDEST = "20.12.0";
/** Versions with long-term support for which both native addons have binaries, or headers (decision 69). */
const MAJORS: readonly number[] = [20, 22];
/** package.json names an alias: "npm:@uwsjs/core@1.2.3". */
const UWS_VERSION = dependencies["uWebSockets.js"].replace(/^.*@/, "");
const WANTED = "--runtime node needs Node.js 20 (20.12 or newer) or 22";

/** The Node.js that shall run the programs. */
export interface NodeProgram {
  readonly path: string;
  /** e.g. "20.20.2" */
  readonly version: string;
  /** e.g. "node-v115-linux-x64": for whom an addon is built. */
  readonly target: string;
}

/** @throws CliError if there is none, or one that cannot run the programs: one sentence with the reason and what to do */
export function findNode(context: StackContext): NodeProgram {
  const path = context.config.STAMPEDE_NODE ?? Bun.which("node");
  if (!path) throw new CliError(`${WANTED}: install it (https://nodejs.org), or name it in STAMPEDE_NODE`);
  const { version, modules, platform, arch } = askNode(path);
  const reason = whyUnsupported(version);
  if (reason !== null) {
    const advice = "install Node.js 22 (https://nodejs.org), or name it in STAMPEDE_NODE";
    throw new CliError(`${WANTED}, and ${path} is ${version}: ${reason}; ${advice}`);
  }
  return { path, version, target: `node-v${modules}-${platform}-${arch}` };
}

/** Why a version of Node.js cannot run the programs, or null if it can. */
export function whyUnsupported(version: string): string | null {
  if (Bun.semver.order(version, OLDEST) < 0) return "it lacks crypto.hash, which came with 20.12";
  const major = Number(version.split(".")[0]);
  if (MAJORS.includes(major)) return null;
  if (major === 23) return "Node.js 23 gets no security fixes any more, and it is not tested";
  return `uWebSockets.js ${UWS_VERSION} has no binary for Node.js ${major}`;
}

function askNode(path: string): Record<"version" | "modules" | "platform" | "arch", string> {
  const question = `const { versions: v, platform, arch } = process;
    console.log(JSON.stringify({ version: v.node, modules: v.modules, platform, arch }))`;
  try {
    return JSON.parse(Bun.spawnSync([path, "-e", question]).stdout.toString());
  } catch {
    throw new CliError(`${WANTED}, and ${path} does not run: name another one in STAMPEDE_NODE`);
  }
}
