import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";

const here = import.meta.dirname;
const ENTRY = "node-suite-entry";

/** Replaces bun:test and begins the run when all of the suite's modules have been evaluated. */
const suitePlugin = (suiteFile: string): BunPlugin => ({
  name: ENTRY,
  setup(build) {
    const shim = join(here, "bun-test-on-node.ts");
    build.onResolve({ filter: /^bun:test$/ }, () => ({ path: shim }));
    build.onResolve({ filter: new RegExp(`^${ENTRY}$`) }, () => ({ path: ENTRY, namespace: ENTRY }));
    build.onLoad({ filter: /.*/, namespace: ENTRY }, () => ({
      contents: `import ${JSON.stringify(suiteFile)};\nimport { begin } from ${JSON.stringify(shim)};\nbegin();\n`,
      loader: "ts",
    }));
  },
});

async function build(entrypoint: string, outdir: string, naming: string, plugins: BunPlugin[]): Promise<string> {
  const result = await Bun.build({
    entrypoints: [entrypoint],
    outdir,
    naming,
    plugins,
    target: "node",
    format: "esm",
    sourcemap: "inline",
    // Packages are as they are in production; the native ones cannot be bundled anyway.
    packages: "external",
  });
  if (!result.success) throw new AggregateError(result.logs, `${entrypoint} could not be built for Node`);
  return join(outdir, naming);
}

/** Builds a suite and the reporter for Node, below the repository's root, where its packages are found. */
export async function bundleSuite(name: string, suiteFile: string): Promise<{ program: string; reporter: string }> {
  const outdir = join(here, "../../dist/suites");
  mkdirSync(outdir, { recursive: true });
  const program = await build(ENTRY, outdir, `${name}.mjs`, [suitePlugin(suiteFile)]);
  const reporter = await build(join(here, "node-reporter.ts"), outdir, `${name}-reporter.mjs`, []);
  return { program, reporter };
}
