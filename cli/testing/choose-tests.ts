import type { Durations } from "./durations.ts";
import { type FaultKind, faultKindOf } from "./fault-kinds.ts";
import { type FileTier, NEEDS_NODE } from "./tiers.ts";

export interface TestFile {
  readonly file: string;
  readonly tier: FileTier;
}

/** Seconds from which a file is a long test: a gate runs one fifth of them. */
export const LONG_S = 8;
/** Turns after which every long test has been run. */
export const TURNS = 5;

/** Files that both runtimes' contracts depend on: a change of one runs all contracts, not only those whose turn it is. */
const CONTRACT_ROOMS = /^(kafka|gateway\/transports|test\/(kafka|transports|contracts|runtimes))\//;
/** What can change no test's outcome. */
const HARMLESS = /(\.md|LICENSE|^test\/durations\.json)$|^\.github\//;

export interface Choice {
  readonly tests: readonly TestFile[];
  /** Files of this turn's slice that other turns leave out. */
  readonly long: readonly string[];
  /** How many files are left to other turns and to `--all`. */
  readonly left: number;
}

/** Of which of `count` things it is the turn. */
const turnOf = (commit: number, count: number): number => commit % count;

/**
 * The gate: every short test, one fault of each kind, the contracts of both runtimes if what they stand on changed,
 * the tests that were changed themselves, and every fifth of the long ones.
 * @param changed files, or null: not known, so both runtimes' contracts run
 * @param commit the number of the commit, which says whose turn it is
 */
export function chooseGate(
  tests: readonly TestFile[],
  durations: Durations,
  changed: readonly string[] | null,
  commit: number,
): Choice {
  const contractsRun = changed === null || changed.some((file) => CONTRACT_ROOMS.test(file));
  const faults = faultsInTurn(tests, commit);
  const isLong = ({ file, tier }: TestFile) => tier !== "unit" && (durations[file] ?? 0) >= LONG_S;
  const slice = new Set(
    tests
      .filter((test) => test.tier !== "fault" && isLong(test))
      .filter((_, i) => i % TURNS === turnOf(commit, TURNS))
      .map(({ file }) => file),
  );
  const runs = (test: TestFile): boolean => {
    if (changed?.includes(test.file)) return true;
    if (test.tier === "fault") return faults.has(test.file);
    if (contractsRun && test.tier === "int" && NEEDS_NODE.test(test.file)) return true;
    return !isLong(test) || slice.has(test.file);
  };
  const chosen = tests.filter(runs);
  const long = chosen.filter(({ file }) => slice.has(file) || faults.has(file)).map(({ file }) => file);
  return { tests: chosen, long, left: tests.length - chosen.length };
}

/** One file of each kind of fault. */
function faultsInTurn(tests: readonly TestFile[], commit: number): Set<string> {
  const kinds = new Map<FaultKind | null, string[]>();
  for (const { file, tier } of tests) {
    if (tier !== "fault") continue;
    const kind = faultKindOf(file);
    kinds.set(kind, [...(kinds.get(kind) ?? []), file]);
  }
  return new Set([...kinds.values()].map((files) => files[turnOf(commit, files.length)]!));
}

/**
 * The tests that a change reaches through imports. Tests that start whole programs run only if they were changed
 * themselves: nearly every change reaches all of them, and the gate runs them. Null: something changed of which imports tell nothing (a lock file,
 * a service's settings), so the whole gate is needed.
 * @param reaching the files that import one of the changed ones, however far away (import-graph.ts)
 */
export function chooseChanged(
  tests: readonly TestFile[],
  changed: readonly string[],
  known: ReadonlySet<string>,
  reaching: ReadonlySet<string>,
): Choice | null {
  const unknown = changed.filter((file) => !known.has(file) && !HARMLESS.test(file));
  if (unknown.length > 0) return null;
  const documents = changed.some((file) => file.endsWith(".md"));
  const touched = new Set(changed);
  const startsPrograms = ({ tier }: TestFile) => tier === "e2e" || tier === "fault";
  const chosen = tests.filter((test) => {
    if (startsPrograms(test)) return touched.has(test.file);
    return reaching.has(test.file) || (documents && test.file.startsWith("docs/"));
  });
  return { tests: chosen, long: [], left: tests.length - chosen.length };
}
