import { statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { CliError } from "./errors.ts";
import { ensureAddon } from "./node-runtime-addon.ts";
import { secondsSince } from "./progress.ts";
import type { ProcessCommand, StackContext } from "./service.ts";

/** Both native addons have binaries, or headers, for these; `crypto.hash` (contracts/wire/uuid5.ts) came with 20.12. */
const [OLDEST, NEWEST] = ["20.12", "23"] as const;
/** The Kafka client holds one of these threads per call that waits for a broker; four (Node's default) are few. */
const WORKER_THREADS = "16";
/** What the programs are made of. */
const SOURCES = new Glob("{contracts,gateway,consumers,kafka,lua,db,ops/node}/**/*.{ts,lua,sql}");

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

/** Makes what Node needs: the Kafka addon (once) and the programs (when a source is newer). @throws CliError */
export async function prepareNode(context: StackContext): Promise<void> {
  const node = findNode(context);
  await ensureAddon(context, node);
  const { root } = context.layout;
  if (built(root)) return;
  const begun = performance.now();
  const { buildForNode } = await import("../ops/node/build.ts");
  await buildForNode();
  context.progress.done("programs", `built for Node ${node.version} in ${secondsSince(begun)}`);
}

/** How a program is started on Node. */
export function nodeCommand(context: StackContext, name: "gateway" | "consumers"): ProcessCommand {
  const { layout, env } = context;
  const program = join(layout.root, "dist", `${name}.mjs`);
  return {
    argv: [findNode(context).path, "--enable-source-maps", program],
    env: { UV_THREADPOOL_SIZE: WORKER_THREADS, ...env },
  };
}

function built(root: string): boolean {
  const made = ["gateway", "consumers"].map(
    (name) => statSync(join(root, "dist", `${name}.mjs`), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  const sources = [...SOURCES.scanSync({ cwd: root }), "package.json", "bun.lock"];
  return sources.every((file) => statSync(join(root, file)).mtimeMs < Math.min(...made));
}
