import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { inheritedEnvironment } from "../../stack/config.ts";
import { withLock } from "../../stack/lock.ts";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import type { Stack } from "../../stack/stack.ts";
import { batchesOf } from "./batches.ts";
import { readDurations, recordDurations, slowest } from "./durations.ts";
import { type Counts, lastLineOf, NOTHING, sum } from "./junit.ts";
import { createLanes, type Stacks } from "./lanes.ts";
import { runTier } from "./run-tier.ts";
import { type Scope, select } from "./select.ts";
import { chooseTiers, findTests, NEEDS_NODE, NEEDS_STACK, type Tier } from "./tiers.ts";

export interface TestRun {
  readonly only?: readonly Tier[] | undefined;
  readonly files: readonly string[];
  /** Which of the files; those that are named all run. */
  readonly scope: Scope;
  /** Write down how long each file took (test/durations.json), by which a gate knows the long ones. */
  readonly record: boolean;
  /** Leave the stack running, and take one that is running as it is. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
}

/** How many of the slowest files are named at the end. */
const SLOWEST = 10;

/** Names of the stack's addresses that tests get; ports of gateways are theirs to choose. */
const ADDRESSES = ["REDIS_URL", "DATABASE_URL", "KAFKA_BROKERS", "JWT_SECRET", "JWT_ISSUER", "JWT_AUDIENCE"] as const;

function testEnvironment({ env }: Stack, lane: number): Record<string, string> {
  const addresses = Object.fromEntries(ADDRESSES.map((name) => [name, env[name]!]));
  // NO_COLOR: the commands that tests read would print colours where CI or FORCE_COLOR is set, and none elsewhere.
  return { ...inheritedEnvironment(), ...addresses, STAMPEDE_TEST_LANE: String(lane), NODE_ENV: "test", NO_COLOR: "1" };
}

async function runTiers(stacks: Stacks, run: TestRun): Promise<Counts> {
  const progress = printedProgress();
  const [first] = stacks;
  const { root, dir } = first.layout;
  const found = findTests(root, run.files);
  const named = run.files.length > 0 || run.only !== undefined;
  const { tests, said } = named ? { tests: found, said: [] } : select(root, run.scope, found);
  for (const sentence of said) progress.done("tests", sentence);
  const seconds = new Map<string, number>();
  const took = (file: string, s: number) => void seconds.set(file, s);
  const durations = readDurations(root);
  const reports = join(dir, "report");
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const all: Counts[] = [];
  const on = createLanes(stacks, {
    keep: run.keep,
    needsNode: tests.some(({ tier, file }) => NEEDS_STACK.has(tier) && NEEDS_NODE.test(file)),
    signal: run.signal,
    environmentOf: testEnvironment,
  });
  for (const tier of chooseTiers(run.only, tests, run.files.length > 0)) {
    if (run.signal.aborted) break;
    const files = tests.filter((test) => test.tier === tier).map(({ file }) => file);
    if (NEEDS_STACK.has(tier) && files.length > 0) await on.lanes[0]!.ready();
    const begun = performance.now();
    const common = { cwd: root, env: testEnvironment(first, 1), signal: run.signal, reports, files };
    const shared = tier === "int" ? { batches: batchesOf(files, durations) } : {};
    const lanes = NEEDS_STACK.has(tier) ? { on, ...shared } : {};
    const isCheck = tier === "lint" || tier === "types";
    const counts =
      !isCheck && files.length === 0
        ? NOTHING
        : await runTier(tier, {
            ...common,
            ...lanes,
            failed: showFailure,
            took,
          });
    all.push(counts);
    if (tier === "unit") seconds.clear(); // one process, and never slow
    const where = isCheck ? "" : ` in ${files.length} files`;
    const line = `${lastLineOf(counts)}${where} (${secondsSince(begun)})`;
    if (counts.failed > 0) progress.failed(tier, line);
    else progress.done(tier, line);
  }
  for (const [file, s] of slowest(seconds, SLOWEST)) if (s >= 1) console.log(`${s.toFixed(1).padStart(6)} s  ${file}`);
  if (run.record && !run.signal.aborted) recordDurations(root, seconds);
  return sum(all);
}

/** All that a failed file wrote, without the names of the tests that passed. */
function showFailure(what: string, output: string): void {
  console.log(`${pc.red("✗")} ${pc.bold(what)}\n${output.replace(/^\(pass\) .*\n/gm, "").trimEnd()}`);
  for (const file of what.endsWith(".test.ts") ? [what] : failedFiles(output))
    console.log(`run it alone: ./dev test ${file}`);
  console.log();
}

/** Files with a failed test, of what `bun test` wrote: each file's name stands on a line before its tests. */
function failedFiles(output: string): string[] {
  const failed = new Set<string>();
  let file = "";
  for (const line of output.split("\n")) {
    if (/^\d+ tests failed:$/.test(line)) break; // they are named again, without their files
    if (line.endsWith(".test.ts:")) file = line.slice(0, -1);
    else if (line.startsWith("(fail) ") && file !== "") failed.add(file);
  }
  return [...failed];
}

/** Runs tests on stacks of their own, one for each lane; prints as it goes. The last line says what it came to. @returns the exit code */
export async function runTests(stacks: Stacks, run: TestRun): Promise<0 | 1 | 130> {
  const { run: directory } = stacks[0].layout;
  mkdirSync(directory, { recursive: true });
  const lock = join(directory, "test.lock");
  return withLock(lock, "another ./dev test", 0, async () => {
    let counts = NOTHING;
    try {
      counts = await runTiers(stacks, run);
    } finally {
      if (!run.keep) await Promise.all(stacks.map((stack) => stack.down()));
    }
    for (const name of counts.skipped) console.log(`skipped: ${name}`);
    if (counts.passed + counts.failed === 0) console.log("no test was run");
    console.log(lastLineOf(counts));
    if (run.signal.aborted) return 130;
    return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  });
}
