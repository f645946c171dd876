import { join } from "node:path";
import { type Counts, sum } from "./junit.ts";
import type { Lane, Lanes } from "./lanes.ts";
import { type Outcome, type RunOptions, runChecked } from "./run-checked.ts";
import { FILE_LIMIT_S, type Tier } from "./tiers.ts";

export interface TierOptions extends Omit<RunOptions, "limitS" | "report"> {
  /** Directory of the JUnit reports. */
  readonly reports: string;
  readonly files: readonly string[];
  /** Files of a tier with lanes that share a process (batches.ts); default each has its own. */
  readonly batches?: readonly (readonly string[])[];
  /** Where the files run; default one after another, in `env`. */
  readonly on?: Lanes;
  /** Called for each program or file that failed. */
  readonly failed: (what: string, output: string) => void;
  /** Called for each file, with how long it took. */
  readonly took?: (file: string, seconds: number) => void;
}

/** Lint and types read every file; a minute is ten times what they need. */
const CHECK_LIMIT_S = 120;
/** Milliseconds one test may take; a file's own `setDefaultTimeout` or a test's third argument wins. */
const TEST_TIMEOUT_MS = 180_000;

/** Fewer files are not worth the start of another stack. */
const FILES_A_LANE = 4;

const ONE_LANE = (env: RunOptions["env"]): Lanes => ({
  lanes: [{ env, ready: async () => {} }],
  take: (waiting) => waiting.shift(),
  prepared: async () => {},
});

/** What a test measured on the way, for the reader of a run in which everything passed. */
const FINDING = /^fault: .*$/gm;

/** Runs one tier, its files side by side on the lanes. A file that was only disturbed there is run again, alone. */
export async function runTier(tier: Tier, options: TierOptions): Promise<Counts> {
  const { env, signal, failed } = options;
  const local = (name: string) => join(options.cwd, "node_modules/.bin", name);
  const show = (what: string, { counts, output }: Outcome): void => {
    if (counts.failed > 0 && !signal.aborted) failed(what, output);
    else for (const [finding] of output.matchAll(FINDING)) console.log(finding);
  };
  const check = async (argv: string[]): Promise<Counts> => {
    const outcome = await runChecked([local(argv[0]!), ...argv.slice(1)], { ...options, limitS: CHECK_LIMIT_S });
    show(argv.join(" "), outcome);
    return outcome.counts;
  };
  if (tier === "lint") return check(["biome", "ci", "--error-on-warnings", "."]);
  if (tier === "types") return check(["tsc", "--noEmit", "-p", "."]);

  const run = async (name: string, files: readonly string[], laneEnv: RunOptions["env"]): Promise<Outcome> => {
    const report = join(options.reports, `${name.replaceAll(/[/ ]/g, "-")}.xml`);
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const paths = files.map((file) => `./${file}`);
    const argv = [process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, ...reporter, ...paths];
    const begun = performance.now();
    const outcome = await runChecked(argv, { ...options, env: laneEnv, report, limitS: FILE_LIMIT_S[tier] });
    if (files.length === 1) options.took?.(files[0]!, (performance.now() - begun) / 1000);
    else for (const [file, seconds] of outcome.seconds) options.took?.(file, seconds);
    show(name, outcome);
    return outcome;
  };
  // Unit tests share nothing and start nothing: one process for all saves a start per file.
  if (tier === "unit") return (await run("unit", options.files, env)).counts;
  return onLanes(options, run);
}

/** What a batch is called in reports: its file, or its first file and how many follow. */
const nameOf = (batch: readonly string[]): string =>
  batch.length === 1 ? batch[0]! : `${batch[0]} and ${batch.length - 1} more`;

async function onLanes(
  { files, batches: batchList = files.map((file) => [file]), signal, env, on = ONE_LANE(env) }: TierOptions,
  run: (name: string, files: readonly string[], env: RunOptions["env"]) => Promise<Outcome>,
): Promise<Counts> {
  const all: Counts[] = [];
  const disturbed: (readonly string[])[] = [];
  // A batch is known by its first file.
  const batches = new Map(batchList.map((batch) => [batch[0]!, batch]));
  const waiting = [...batches.keys()];
  let broken = false;
  const work = async (lane: Lane) => {
    await lane.ready();
    for (;;) {
      const file = signal.aborted || broken ? undefined : on.take(waiting);
      if (file === undefined) return;
      await on.prepared(file);
      const batch = batches.get(file)!;
      const { counts, disturbed: again } = await run(nameOf(batch), batch, lane.env);
      if (again && on.lanes.length > 1) disturbed.push(batch);
      else all.push(counts);
    }
  };
  const stopOthers = (error: unknown) => {
    broken = true;
    throw error;
  };
  const wanted = on.lanes.slice(0, Math.ceil(waiting.length / FILES_A_LANE));
  const ends = await Promise.allSettled(wanted.map((lane) => work(lane).catch(stopOthers)));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  for (const batch of disturbed) {
    if (signal.aborted) break;
    const name = nameOf(batch);
    const { counts } = await run(name, batch, on.lanes[0]!.env);
    console.log(`again: ${name} was disturbed beside others, and ${counts.failed > 0 ? "failed" : "passed"} alone`);
    all.push(counts);
  }
  return sum(all);
}
