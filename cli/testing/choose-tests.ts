import type { Durations } from "./durations.ts";
import { type FaultKind, faultKindOf } from "./fault-kinds.ts";
import type { TestFile } from "./tiers.ts";

/** Seconds from which a file is a long test: a gate runs one fifth of them. */
export const LONG_S = 8;
/** Turns after which every long test has been run. */
export const TURNS = 5;

/** The contracts that both runtimes' adapters must keep, each with the files that compare or support them. */
const CONTRACTS = /^(kafka\/bun|test\/(kafka|transports|runtimes))\/.*\.int\.test\.ts$/;
/** Files that the contracts depend on: a change of one runs all contracts, not only those whose turn it is. */
const CONTRACT_ROOMS = /^(kafka|gateway\/transports|test\/(kafka|transports|contracts|runtimes))\//;
/** Tests that need more than this repository brings (Python and its package index): only `--all` runs them, and a change of them. */
const ONLY_ALL = /^test\/generated\//;
/** What can change no test's outcome. */
const HARMLESS = /(\.md|LICENSE|^test\/durations\.json)$|^\.(github|changeset)\//;

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
  const secondsOf = ({ file }: TestFile) => durations[file] ?? 0;
  const isLong = (test: TestFile) => test.tier !== "unit" && secondsOf(test) >= LONG_S;
  // Dealt out longest first, so that every turn gets about the same number of seconds.
  const longest = tests
    .filter((test) => test.tier !== "fault" && isLong(test))
    .sort((a, b) => secondsOf(b) - secondsOf(a));
  const inTurn = longest.filter((_, i) => i % TURNS === turnOf(commit, TURNS));
  const slice = new Set(inTurn.map(({ file }) => file));
  const runs = (test: TestFile): boolean => {
    if (changed?.includes(test.file)) return true;
    if (ONLY_ALL.test(test.file)) return false;
    if (test.tier === "fault") return faults.has(test.file);
    if (contractsRun && CONTRACTS.test(test.file)) return true;
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
