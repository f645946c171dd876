import { commitNumber, readChanges } from "./changes.ts";
import { chooseChanged, chooseGate, TURNS } from "./choose-tests.ts";
import { readDurations } from "./durations.ts";
import { readImportGraph } from "./import-graph.ts";
import type { TestFile } from "./tiers.ts";

/** What to run: what a change reaches, the gate before a commit lands, or everything. */
export type Scope = "changed" | "gate" | "all";

export interface Selection {
  readonly tests: readonly TestFile[];
  /** Sentences for the reader, on what runs and what does not. */
  readonly said: readonly string[];
}

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** Chooses the files of a scope, and says what was left out. */
export function select(root: string, scope: Scope, tests: readonly TestFile[]): Selection {
  if (scope === "all") return { tests, said: [`everything: ${plural(tests.length, "file")}`] };
  if (scope === "changed") return selectChanged(root, tests) ?? selectGate(root, tests, "the gate instead: ");
  return selectGate(root, tests, "");
}

function selectChanged(root: string, tests: readonly TestFile[]): Selection | null {
  const { base, files } = readChanges(root);
  if (base === null) return null;
  const graph = readImportGraph(root);
  const choice = chooseChanged(tests, files, graph.files, graph.reaching(files));
  if (choice === null) return null;
  const since = `${plural(files.length, "changed file")} since ${base.slice(0, 9)}`;
  const left = `${plural(choice.left, "file")} left to ./dev test`;
  return { tests: choice.tests, said: [`${since}: ${plural(choice.tests.length, "file")} of tests, ${left}`] };
}

function selectGate(root: string, tests: readonly TestFile[], prefix: string): Selection {
  const { base, files } = readChanges(root);
  const commit = commitNumber(root);
  const choice = chooseGate(tests, readDurations(root), base === null ? null : files, commit);
  const turn = `turn ${(commit % TURNS) + 1} of ${TURNS} (commit ${commit})`;
  return {
    tests: choice.tests,
    said: [
      `${prefix}${plural(choice.tests.length, "file")}; ${choice.left} long ones left to other turns and to ./dev test --all`,
      `${turn}: long tests ${choice.long.length === 0 ? "none" : choice.long.join(", ")}`,
    ],
  };
}
