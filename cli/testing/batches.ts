import { dirname } from "node:path";
import type { Durations } from "./durations.ts";
import { NEEDS_NODE } from "./tiers.ts";

/** Seconds. Files that took at most this long the last time share a process: its start and the database's template cost more than they do. */
const SMALL_S = 4;
/** Seconds of one batch, so that two lanes still end together. */
const BATCH_S = 20;
/** These start and stop whole stacks, and watch what their own process leaves behind. */
const ALONE = /^test\/(stack|runtimes)\/|leak/;

/**
 * Puts small files of one directory together. Each batch is one process that runs its files one after another; files
 * that are long, new, or in need of a process for themselves stay alone.
 */
export function batchesOf(files: readonly string[], durations: Durations): string[][] {
  const batches: string[][] = [];
  const open = new Map<string, { files: string[]; seconds: number }>();
  for (const file of files) {
    const seconds = durations[file];
    if (seconds === undefined || seconds > SMALL_S || ALONE.test(file) || NEEDS_NODE.test(file)) {
      batches.push([file]);
      continue;
    }
    const directory = dirname(file);
    let batch = open.get(directory);
    if (batch === undefined || batch.seconds + seconds > BATCH_S) {
      batch = { files: [], seconds: 0 };
      open.set(directory, batch);
      batches.push(batch.files);
    }
    batch.files.push(file);
    batch.seconds += seconds;
  }
  return batches;
}
