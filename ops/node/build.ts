import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

// `bun run build:node` (or import it): makes the programs for Node.

const root = join(import.meta.dirname, "../..");
/** Native addons stay packages; all else, Lua and SQL included, is in the program's one file. */
const NATIVE = ["uWebSockets.js", "@confluentinc/kafka-javascript"];

const PROGRAMS = ["gateway", "consumers"] as const;

/**
 * Writes dist/gateway.mjs and dist/consumers.mjs, with source maps beside them. A program that is started meanwhile gets the
 * old or the new one, whole: tests on several lanes all make them.
 * @throws AggregateError of what does not compile
 */
export async function buildForNode(): Promise<void> {
  const dist = join(root, "dist");
  mkdirSync(dist, { recursive: true });
  const made = mkdtempSync(`${dist}-`); // as deep as dist: source maps name files relative to themselves
  try {
    await buildInto(made);
    for (const name of PROGRAMS) {
      for (const file of [`${name}.mjs.map`, `${name}.mjs`]) renameSync(join(made, file), join(dist, file));
    }
  } finally {
    rmSync(made, { recursive: true });
  }
}

async function buildInto(outdir: string): Promise<void> {
  for (const name of PROGRAMS) {
    const result = await Bun.build({
      entrypoints: [join(root, name, "main.node.ts")],
      outdir,
      naming: `${name}.mjs`,
      target: "node",
      format: "esm",
      external: NATIVE,
      sourcemap: "linked", // for node --enable-source-maps
    });
    if (!result.success) throw new AggregateError(result.logs, `${name} could not be built for Node`);
  }
}

if (import.meta.main) await buildForNode();
