import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";

/** Rooms whose files import each other. */
const SOURCES = new Glob(
  "{bench,cli,client,consumers,contracts,db,docs,gateway,kafka,lua,ops,payment-simulator,stack,test,verify,web}/**/*.ts",
);

/** Left out, although some files import its version: it also names the dependencies, and what those reach no import tells. */
const PACKAGE = "package.json";

/** Which files import which, within one repository. Imports of types alone do not count: the type check covers them. */
export interface ImportGraph {
  readonly files: ReadonlySet<string>;
  /** The files that reach one of `changed` through imports, and those of `changed` that are in the graph themselves. */
  reaching(changed: Iterable<string>): Set<string>;
}

/** Reads the imports of every TypeScript file below `root`. Takes about half a second for a thousand files. */
export function readImportGraph(root: string): ImportGraph {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const importers = new Map<string, string[]>();
  const files = new Set<string>();
  for (const file of SOURCES.scanSync({ cwd: root })) {
    if (file.includes("node_modules/")) continue;
    files.add(file);
    for (const { path } of transpiler.scanImports(readFileSync(join(root, file), "utf8"))) {
      if (!path.startsWith(".")) continue;
      const target = normalize(join(dirname(file), path));
      if (target === PACKAGE || !existsSync(join(root, target))) continue;
      files.add(target);
      const known = importers.get(target);
      if (known) known.push(file);
      else importers.set(target, [file]);
    }
  }
  return { files, reaching: (changed) => reach(files, importers, changed) };
}

function reach(
  files: ReadonlySet<string>,
  importers: ReadonlyMap<string, readonly string[]>,
  changed: Iterable<string>,
): Set<string> {
  const reached = new Set<string>();
  const waiting = [...changed].filter((file) => files.has(file));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    waiting.push(...(importers.get(file) ?? []));
  }
  return reached;
}
