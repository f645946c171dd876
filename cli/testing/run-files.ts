import { join } from "node:path";
import { type Outcome, type RunOptions, runChecked } from "./run-checked.ts";
import { FILE_LIMIT_S, type FileTier, type Tier } from "./tiers.ts";

export interface FileRun extends Omit<RunOptions, "limitS" | "report"> {
  /** Directory of the JUnit reports. */
  readonly reports: string;
  /** Called for each program or file that failed. */
  readonly failed: (what: string, output: string, files: readonly string[], tier: Tier) => void;
  /** Called for each file, with how long it took. */
  readonly took?: (file: string, seconds: number) => void;
}

/** Types need 6 s on a quiet machine, and ten times as long beside unit tests and the stack's start on a slow one. */
const CHECK_LIMIT_S = 300;
/**
 * Milliseconds one test may take; a file's own `setDefaultTimeout` or a test's third argument wins. Longer than a wait
 * (`until` of test/support/until.ts gives up after 60 s), so that a test that hangs says what it waits for.
 */
const TEST_TIMEOUT_MS = 90_000;

/** What a test measured on the way, for the reader of a run in which everything passed. */
const FINDING = /^fault: .*$/gm;

const CHECKS = {
  lint: ["biome", "ci", "--error-on-warnings", "."],
  types: ["tsc", "--noEmit", "-p", "."],
} as const;

/** Runs lint or the type check; it counts as one test. */
export async function runCheck(check: keyof typeof CHECKS, options: FileRun): Promise<Outcome> {
  const [program, ...args] = CHECKS[check];
  const argv = [join(options.cwd, "node_modules/.bin", program), ...args];
  const outcome = await runChecked(argv, { ...options, limitS: CHECK_LIMIT_S });
  show(outcome, options, CHECKS[check].join(" "), [], check);
  return outcome;
}

/** Runs files of one tier in one process. @param name what they are called in reports */
export async function runFiles(
  name: string,
  tier: FileTier,
  files: readonly string[],
  options: FileRun,
): Promise<Outcome> {
  const report = join(options.reports, `${name.replaceAll(/[/ ]/g, "-")}.xml`);
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const paths = files.map((file) => `./${file}`);
  const argv = [process.execPath, "test", `--timeout=${TEST_TIMEOUT_MS}`, ...reporter, ...paths];
  const begun = performance.now();
  const outcome = await runChecked(argv, { ...options, report, limitS: FILE_LIMIT_S[tier] });
  if (files.length === 1) options.took?.(files[0]!, (performance.now() - begun) / 1000);
  else for (const [file, seconds] of outcome.seconds) options.took?.(file, seconds);
  show(outcome, options, name, files, tier);
  return outcome;
}

function show(
  { counts, output }: Outcome,
  { signal, failed }: FileRun,
  what: string,
  files: readonly string[],
  tier: Tier,
): void {
  if (counts.failed > 0 && !signal.aborted) failed(what, output, files, tier);
  else for (const [finding] of output.matchAll(FINDING)) console.log(finding);
}
