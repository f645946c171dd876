import { mkdirSync } from "node:fs";
import { join } from "node:path";

// `bun run build:node` (or import it): makes the programs for Node.

const root = join(import.meta.dirname, "../..");
/** Native addons stay packages; all else, Lua and SQL included, is in the program's one file. */
const NATIVE = ["uWebSockets.js", "@confluentinc/kafka-javascript"];

/** Writes dist/gateway.mjs and dist/consumers.mjs, with source maps beside them. @throws AggregateError of what does not compile */
export async function buildForNode(): Promise<void> {
  mkdirSync(join(root, "dist"), { recursive: true });
  for (const name of ["gateway", "consumers"]) {
    const result = await Bun.build({
      entrypoints: [join(root, name, "main.node.ts")],
      outdir: join(root, "dist"),
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
