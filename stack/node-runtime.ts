import { statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { findNode } from "./node-program.ts";
import { ensureAddon } from "./node-runtime-addon.ts";
import type { ProcessCommand } from "./processes.ts";
import { secondsSince } from "./progress.ts";
import type { StackContext } from "./service.ts";

/** The Kafka client holds one of these threads per call that waits for a broker; four (Node's default) are few. */
const WORKER_THREADS = "16";
/** What the programs are made of: the rooms that gateway and consumers may import, their build, and patched packages. */
const SOURCES = [
  new Glob("{contracts,kafka,lua,db,verify,gateway,consumers}/**/*.{ts,lua,sql}"),
  new Glob("ops/node/*.ts"), // by itself: with a slash within braces Bun's scan finds nothing at all
  new Glob("patches/*.patch"),
];

/** Their paths below the repository's root. */
export const sourcesOf = (root: string): string[] => [
  ...SOURCES.flatMap((glob) => [...glob.scanSync({ cwd: root })]),
  "package.json",
  "bun.lock",
];

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
  return sourcesOf(root).every((file) => statSync(join(root, file)).mtimeMs < Math.min(...made));
}
