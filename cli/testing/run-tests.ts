import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { inheritedEnvironment } from "../config.ts";
import { withLock } from "../stack/lock.ts";
import { prepareNode } from "../stack/node-runtime.ts";
import { BASE_SERVICES } from "../stack/service.ts";
import type { Stack } from "../stack/stack.ts";
import { printedProgress, secondsSince } from "../terminal/progress.ts";
import { type Counts, lastLineOf, NOTHING, sum } from "./junit.ts";
import { runTier } from "./run-tier.ts";
import { chooseTiers, findTests, NEEDS_NODE, NEEDS_STACK, type Tier } from "./tiers.ts";

export interface TestRun {
  readonly only?: readonly Tier[] | undefined;
  readonly files: readonly string[];
  /** Leave the stack running, and take one that is running as it is. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
}

/** Names of the stack's addresses that tests get; ports of gateways are theirs to choose. */
const ADDRESSES = ["REDIS_URL", "DATABASE_URL", "KAFKA_BROKERS", "JWT_SECRET", "JWT_ISSUER", "JWT_AUDIENCE"] as const;

function testEnvironment(stack: Stack): Record<string, string> {
  const addresses = Object.fromEntries(ADDRESSES.map((name) => [name, stack.env[name]!]));
  return { ...inheritedEnvironment(), ...addresses, NODE_ENV: "test" };
}

async function freshStack(stack: Stack, { keep, signal }: TestRun): Promise<void> {
  if (!keep || stack.pids("redis").length === 0) {
    await stack.down(undefined, { wipe: true });
  }
  await stack.up(BASE_SERVICES, { signal });
}

async function runTiers(stack: Stack, run: TestRun): Promise<Counts> {
  const progress = printedProgress();
  const { root } = stack.layout;
  const tests = findTests(root, run.files);
  const reports = join(stack.layout.dir, "report");
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const all: Counts[] = [];
  let fresh = false;
  for (const tier of chooseTiers(run.only, tests, run.files.length > 0)) {
    if (run.signal.aborted) break;
    const files = tests.filter((test) => test.tier === tier).map(({ file }) => file);
    if (NEEDS_STACK.has(tier) && !fresh && files.length > 0) {
      await freshStack(stack, run);
      // Before the clock of a file's time limit runs: a first time, it compiles an addon for minutes.
      if (tests.some(({ file }) => NEEDS_NODE.test(file))) await prepareNode(stack.context);
      fresh = true;
    }
    const begun = performance.now();
    const common = { cwd: root, env: testEnvironment(stack), signal: run.signal, reports, files };
    const isCheck = tier === "lint" || tier === "types";
    const counts = !isCheck && files.length === 0 ? NOTHING : await runTier(tier, { ...common, failed: showFailure });
    all.push(counts);
    const where = isCheck ? "" : ` in ${files.length} files`;
    const line = `${lastLineOf(counts)}${where} (${secondsSince(begun)})`;
    if (counts.failed > 0) progress.failed(tier, line);
    else progress.done(tier, line);
  }
  return sum(all);
}

/** All that a failed file wrote, without the names of the tests that passed. */
function showFailure(what: string, output: string): void {
  console.log(`${pc.red("✗")} ${pc.bold(what)}\n${output.replace(/^\(pass\) .*\n/gm, "").trimEnd()}\n`);
}

/** Runs tests on a stack of their own; prints as it goes. The last line says what it came to. @returns the exit code */
export async function runTests(stack: Stack, run: TestRun): Promise<0 | 1 | 130> {
  mkdirSync(stack.layout.run, { recursive: true });
  const lock = join(stack.layout.run, "test.lock");
  return withLock(lock, "another ./dev test", 0, async () => {
    let counts = NOTHING;
    try {
      counts = await runTiers(stack, run);
    } finally {
      if (!run.keep) await stack.down();
    }
    for (const name of counts.skipped) console.log(`skipped: ${name}`);
    if (counts.passed + counts.failed === 0) console.log("no test was run");
    console.log(lastLineOf(counts));
    if (run.signal.aborted) return 130;
    return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  });
}
