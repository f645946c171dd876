import { CliError } from "./errors.ts";
import type { StackContext } from "./service.ts";

/** Both native addons have binaries, or headers, for these; `crypto.hash` (contracts/wire/uuid5.ts) came with 20.12. */
const [OLDEST, NEWEST] = ["20.12", "23"] as const;

/** The Node.js that shall run the programs. */
export interface NodeProgram {
  readonly path: string;
  /** e.g. "20.20.2" */
  readonly version: string;
  /** e.g. "node-v115-linux-x64": for whom an addon is built. */
  readonly target: string;
}

/** @throws CliError if there is none, or one that the addons do not know */
export function findNode(context: StackContext): NodeProgram {
  const path = context.config.STAMPEDE_NODE ?? Bun.which("node");
  const wanted = `--runtime node needs Node.js ${OLDEST} to ${NEWEST}`;
  if (!path) throw new CliError(`${wanted}: install it (https://nodejs.org), or name it in STAMPEDE_NODE`);
  const { version, modules, platform, arch } = askNode(path, wanted);
  if (Bun.semver.order(version, `${OLDEST}.0`) < 0 || Number(version.split(".")[0]) > Number(NEWEST)) {
    throw new CliError(`${wanted}, and ${path} is ${version}: name another one in STAMPEDE_NODE`);
  }
  return { path, version, target: `node-v${modules}-${platform}-${arch}` };
}

function askNode(path: string, wanted: string): Record<"version" | "modules" | "platform" | "arch", string> {
  const question = `const { versions: v, platform, arch } = process;
    console.log(JSON.stringify({ version: v.node, modules: v.modules, platform, arch }))`;
  try {
    return JSON.parse(Bun.spawnSync([path, "-e", question]).stdout.toString());
  } catch {
    throw new CliError(`${wanted}, and ${path} does not run: name another one in STAMPEDE_NODE`);
  }
}
