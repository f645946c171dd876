import { dirname } from "node:path";
import type { Durations } from "./durations.ts";
import { type FileTier, NEEDS_NODE, type TestFile, TIERS } from "./tiers.ts";

/** Files that one process runs, one after another. */
export interface Batch {
  readonly tier: FileTier;
  readonly files: readonly [string, ...string[]];
  /** Seconds that they took the last time. */
  readonly seconds: number;
}

/** Seconds. Files that took at most this long the last time share a process: its start and the database's template cost more than they do. */
const SMALL_S = 4;
/** Seconds of one batch, so that lanes still end together. */
const BATCH_S = 20;
/** Seconds assumed for a file without a record: about what a fault takes. */
const UNKNOWN_S = 20;
/** These start and stop whole stacks, and watch what their own process leaves behind. */
const ALONE = /^test\/(stack|runtimes)\/|leak/;

/** What a batch is called in reports: its file, or its first file and how many follow. */
export const nameOf = ({ files }: Batch): string =>
  files.length === 1 ? files[0] : `${files[0]} and ${files.length - 1} more`;

/**
 * The order in which lanes take files: by tier, so that what is cheap and tells most comes first; within a tier the
 * longest first, so that no lane is left with a long file while the others have nothing to do. Small integration files
 * of one directory share a process; files that are long, new, or in need of a process for themselves stay alone.
 */
export function batchesOf(tests: readonly TestFile[], durations: Durations): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, { files: [string, ...string[]]; seconds: number }>();
  for (const { file, tier } of tests) {
    const seconds = durations[file];
    const isSmall = tier === "int" && seconds !== undefined && seconds <= SMALL_S;
    if (!isSmall || ALONE.test(file) || NEEDS_NODE.test(file)) {
      batches.push({ tier, files: [file], seconds: seconds ?? UNKNOWN_S });
      continue;
    }
    const directory = dirname(file);
    const batch = open.get(directory);
    if (batch !== undefined && batch.seconds + seconds <= BATCH_S) {
      batch.files.push(file);
      batch.seconds += seconds;
      continue;
    }
    const begun: { tier: FileTier; files: [string, ...string[]]; seconds: number } = { tier, files: [file], seconds };
    open.set(directory, begun);
    batches.push(begun);
  }
  return batches.sort((a, b) => TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier) || b.seconds - a.seconds);
}
