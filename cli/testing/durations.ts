import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Seconds that each file of tests took in the last recorded run of everything, on two cores. */
export type Durations = Readonly<Record<string, number>>;

const FILE = "test/durations.json";

/** What was recorded; a file that is not in it is new. */
export function readDurations(root: string): Durations {
  const path = join(root, FILE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Durations) : {};
}

/**
 * Brings the record up to date: files that were run get their new time, files that are gone leave it. Whole seconds and
 * sorted names, so that two records differ in few lines.
 */
export function recordDurations(root: string, seconds: ReadonlyMap<string, number>): void {
  const known = Object.entries(readDurations(root)).filter(([file]) => existsSync(join(root, file)));
  const measured = [...seconds].map(([file, s]): [string, number] => [file, Math.ceil(s)]);
  const record = [...new Map([...known, ...measured])].sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(join(root, FILE), `${JSON.stringify(Object.fromEntries(record), null, 2)}\n`);
}

/** The files that took longest, slowest first. */
export function slowest(seconds: ReadonlyMap<string, number>, count: number): [file: string, seconds: number][] {
  return [...seconds].sort(([, a], [, b]) => b - a).slice(0, count);
}
