import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inheritedEnvironment } from "../../stack/config.ts";
import { withLock } from "../../stack/lock.ts";
import { printedProgress, secondsSince } from "../../stack/progress.ts";
import type { Stack } from "../../stack/stack.ts";
import { batchesOf } from "./batches.ts";
import { readDurations, recordDurations, slowest } from "./durations.ts";
import { type Counts, lastLineOf, NOTHING, sum } from "./junit.ts";
import { createLanes, type Stacks } from "./lanes.ts";
import { runCheck, runFiles } from "./run-files.ts";
import { runOnLanes } from "./run-on-lanes.ts";
import { type Scope, select } from "./select.ts";
import { showFailure } from "./show-failure.ts";
import { chooseTiers, findTests, isFileTier, NEEDS_NODE, NEEDS_STACK, type Tier } from "./tiers.ts";

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

/** How much more often properties are tried in a run of everything. Not where it is recorded: the record is for gates. */
const PROPERTY_FACTOR = "8";

function testEnvironment({ env }: Stack, lane: number, run: TestRun): Record<string, string> {
  const addresses = Object.fromEntries(ADDRESSES.map((name) => [name, env[name]!]));
  // NO_COLOR: the commands that tests read would print colours where CI or FORCE_COLOR is set, and none elsewhere.
  const properties = run.scope === "all" && !run.record ? { STAMPEDE_PROPERTY_FACTOR: PROPERTY_FACTOR } : {};
  const own = { STAMPEDE_TEST_LANE: String(lane), NODE_ENV: "test", NO_COLOR: "1" };
  return { ...inheritedEnvironment(), ...addresses, ...properties, ...own };
}

async function runTiers(stacks: Stacks, run: TestRun): Promise<Counts> {
  const progress = printedProgress();
  const [first] = stacks;
  const { root, dir } = first.layout;
  const found = findTests(root, run.files);
  const named = run.files.length > 0 || run.only !== undefined;
  const { tests, said } = named ? { tests: found, said: [] } : select(root, run.scope, found);
  for (const sentence of said) progress.done("tests", sentence);
  const reports = join(dir, "report");
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const tiers = chooseTiers(run.only, tests, run.files.length > 0);
  const seconds = new Map<string, number>();
  const common = { cwd: root, signal: run.signal, reports, failed: showFailure };
  const say = (tier: Tier, counts: Counts, files: number, took: string) => {
    const line = `${lastLineOf(counts)}${isFileTier(tier) ? ` in ${files} files` : ""} (${took})`;
    if (counts.failed > 0) progress.failed(tier, line);
    else progress.done(tier, line);
  };

  const batches = batchesOf(
    tests.filter(({ tier }) => NEEDS_STACK.has(tier) && tiers.includes(tier)),
    readDurations(root),
  );
  const lanes = createLanes(stacks, {
    keep: run.keep,
    needsNode: batches.some(({ files }) => files.some((file) => NEEDS_NODE.test(file))),
    signal: run.signal,
    environmentOf: (stack, lane) => testEnvironment(stack, lane, run),
  });
  // The first stack starts while the checks and the unit tests run.
  if (batches.length > 0) lanes[0].ready().catch(() => {}); // its lane fails with it
  const units = tests.filter(({ tier }) => tier === "unit").map(({ file }) => file);
  const quick = tiers.filter((tier) => !NEEDS_STACK.has(tier));
  const all = await Promise.all(
    quick.map(async (tier) => {
      const begun = performance.now();
      const options = { ...common, env: testEnvironment(first, 1, run) };
      if (isFileTier(tier) && units.length === 0) return NOTHING;
      // Unit tests share nothing and start nothing: one process for all saves a start per file.
      const { counts } = isFileTier(tier)
        ? await runFiles("unit", "unit", units, options)
        : await runCheck(tier, options);
      say(tier, counts, units.length, secondsSince(begun));
      return counts;
    }),
  );
  const took = (file: string, s: number) => void seconds.set(file, s);
  const ended = (tier: Tier, counts: Counts, files: number, s: number) => say(tier, counts, files, `${s.toFixed(1)} s`);
  if (batches.length > 0) all.push(await runOnLanes(batches, { ...common, lanes, took, ended }));
  for (const [file, s] of slowest(seconds, SLOWEST)) if (s >= 1) console.log(`${s.toFixed(1).padStart(6)} s  ${file}`);
  if (run.record && !run.signal.aborted) recordDurations(root, seconds);
  return sum(all);
}

/** Runs tests on separate stacks, one for each lane; prints as it goes. The last line says what it came to. @returns the exit code */
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
