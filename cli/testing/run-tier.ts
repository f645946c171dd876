import { join } from "node:path";
import { type Counts, sum } from "./junit.ts";
import type { Lane, Lanes } from "./lanes.ts";
import { type Outcome, type RunOptions, runChecked } from "./run-checked.ts";
import { FILE_LIMIT_S, type Tier } from "./tiers.ts";

export interface TierOptions extends Omit<RunOptions, "limitS" | "report"> {
  /** Directory of the JUnit reports. */
  readonly reports: string;
  readonly files: readonly string[];
  /** Where the files run; default one after another, in `env`. */
  readonly on?: Lanes;
  /** Called for each program or file that failed. */
  readonly failed: (what: string, output: string) => void;
  /** Called for each file that was run alone, with how long it took. */
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
    const report = join(options.reports, `${name.replaceAll("/", "-")}.xml`);
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const paths = files.map((file) => `./${file}`);
    const argv = [process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, ...reporter, ...paths];
    const begun = performance.now();
    const outcome = await runChecked(argv, { ...options, env: laneEnv, report, limitS: FILE_LIMIT_S[tier] });
    if (files.length === 1) options.took?.(files[0]!, (performance.now() - begun) / 1000);
    show(name, outcome);
    return outcome;
  };
  // Unit tests share nothing and start nothing: one process for all saves a start per file.
  if (tier === "unit") return (await run("unit", options.files, env)).counts;
  return onLanes(options, run);
}

async function onLanes(
  { files, signal, env, on = ONE_LANE(env) }: TierOptions,
  run: (name: string, files: readonly string[], env: RunOptions["env"]) => Promise<Outcome>,
): Promise<Counts> {
  const all: Counts[] = [];
  const disturbed: string[] = [];
  const waiting = [...files];
  let broken = false;
  const work = async (lane: Lane) => {
    await lane.ready();
    for (;;) {
      const file = signal.aborted || broken ? undefined : on.take(waiting);
      if (file === undefined) return;
      await on.prepared(file);
      const { counts, disturbed: again } = await run(file, [file], lane.env);
      if (again && on.lanes.length > 1) disturbed.push(file);
      else all.push(counts);
    }
  };
  const stopOthers = (error: unknown) => {
    broken = true;
    throw error;
  };
  const wanted = on.lanes.slice(0, Math.ceil(files.length / FILES_A_LANE));
  const ends = await Promise.allSettled(wanted.map((lane) => work(lane).catch(stopOthers)));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  for (const file of disturbed) {
    if (signal.aborted) break;
    const { counts } = await run(file, [file], on.lanes[0]!.env);
    console.log(`again: ${file} was disturbed beside others, and ${counts.failed > 0 ? "failed" : "passed"} alone`);
    all.push(counts);
  }
  return sum(all);
}
