import { join } from "node:path";
import { type Counts, sum } from "./junit.ts";
import { type Outcome, type RunOptions, runChecked } from "./run-checked.ts";
import { FILE_LIMIT_S, type FileTier, type Tier } from "./tiers.ts";

export interface TierOptions extends Omit<RunOptions, "limitS" | "report"> {
  /** Directory of the JUnit reports. */
  readonly reports: string;
  readonly files: readonly string[];
  /** Called for each program or file that failed. */
  readonly failed: (what: string, output: string) => void;
}

/** Lint and types read every file; a minute is ten times what they need. */
const CHECK_LIMIT_S = 120;
/** Milliseconds one test may take; a file's own `setDefaultTimeout` or a test's third argument wins. */
const TEST_TIMEOUT_MS = 60_000;

/** What a test measured on the way, for the reader of a run in which everything passed. */
const FINDING = /^fault: .*$/gm;

/** Runs one tier. Files run one after another: two cores are for the services and one test. */
export async function runTier(tier: Tier, options: TierOptions): Promise<Counts> {
  const local = (name: string) => join(options.cwd, "node_modules/.bin", name);
  const judge = async (what: string, run: Promise<Outcome>): Promise<Counts> => {
    const { counts, output } = await run;
    if (counts.failed > 0 && !options.signal.aborted) options.failed(what, output);
    else for (const [finding] of output.matchAll(FINDING)) console.log(finding);
    return counts;
  };
  const check = (argv: string[]) =>
    judge(argv.join(" "), runChecked([local(argv[0]!), ...argv.slice(1)], { ...options, limitS: CHECK_LIMIT_S }));
  if (tier === "lint") return check(["biome", "ci", "--error-on-warnings", "."]);
  if (tier === "types") return check(["tsc", "--noEmit", "-p", "."]);

  const runFiles = (name: string, files: readonly string[], limitS: number) => {
    const report = join(options.reports, `${name.replaceAll("/", "-")}.xml`);
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const argv = [
      process.execPath,
      "test",
      `--timeout=${TEST_TIMEOUT_MS}`,
      ...reporter,
      ...files.map((file) => `./${file}`),
    ];
    return judge(name, runChecked(argv, { ...options, report, limitS }));
  };
  return sum(await inBatches(tier, options, runFiles));
}

async function inBatches(
  tier: FileTier,
  { files, signal }: TierOptions,
  runFiles: (name: string, files: readonly string[], limitS: number) => Promise<Counts>,
): Promise<Counts[]> {
  // Unit tests share nothing and start nothing: one process for all saves a start per file.
  if (tier === "unit") return [await runFiles("unit", files, FILE_LIMIT_S.unit)];
  const all: Counts[] = [];
  for (const file of files) {
    if (signal.aborted) break;
    all.push(await runFiles(file, [file], FILE_LIMIT_S[tier]));
  }
  return all;
}
