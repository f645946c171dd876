import { Glob } from "bun";

/** In the order of running: what is cheap and tells most comes first. */
export const TIERS = ["lint", "types", "unit", "int", "e2e", "fault"] as const;
export type Tier = (typeof TIERS)[number];
/** Tiers that are files of tests; the other two are one check each. */
export type FileTier = Exclude<Tier, "lint" | "types">;

export const isFileTier = (tier: Tier): tier is FileTier => tier !== "lint" && tier !== "types";

export interface TestFile {
  readonly file: string;
  readonly tier: FileTier;
}

/** Tiers whose tests talk to real services. */
export const NEEDS_STACK: ReadonlySet<Tier> = new Set(["int", "e2e", "fault"]);

/** Tests that run something on Node too: its addons and programs are made before. */
export const NEEDS_NODE = /(^|[/.-])(node|uws|runtimes)[/.-]/;

/** Tests that start each service they use, so that they need no stack of a lane (tiers.unit.test.ts looks at their imports). */
export const BRINGS_SERVICES = /^(kafka\/bun|test\/(kafka|runtimes|transports))\/|^test\/stack\/(?!ipv6|seed)/;

/** Seconds one process may take for its files before it is killed and counted as failed; generous, so that only a hang meets it. */
export const FILE_LIMIT_S: Readonly<Record<FileTier, number>> = { unit: 300, int: 600, e2e: 900, fault: 900 };

/** The tier that a file's name says, or null: `claim.int.test.ts` is `int`. */
export function tierOf(file: string): FileTier | null {
  const tier = /\.(unit|int|e2e|fault)\.test\.ts$/.exec(file)?.[1];
  return (tier as FileTier | undefined) ?? null;
}

/** All test files below `root`, relative to it, sorted, each with its tier. `wanted` keeps those whose path contains one of it. */
export function findTests(root: string, wanted: readonly string[] = []): TestFile[] {
  const found: TestFile[] = [];
  for (const file of new Glob("**/*.test.ts").scanSync({ cwd: root, dot: false })) {
    if (file.includes("node_modules/") || file.startsWith("dist/")) continue;
    const tier = tierOf(file);
    if (tier && (wanted.length === 0 || wanted.some((part) => file.includes(part.replace(/^\.\//, ""))))) {
      found.push({ file, tier });
    }
  }
  return found.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The tiers to run. With files and without a choice, only those that the files belong to. */
export function chooseTiers(
  only: readonly Tier[] | undefined,
  files: readonly { tier: FileTier }[],
  filtered: boolean,
): Tier[] {
  const present = new Set<Tier>(files.map(({ tier }) => tier));
  return TIERS.filter((tier) => (only ? only.includes(tier) : isFileTier(tier) ? present.has(tier) : !filtered));
}
