import { existsSync, readFileSync } from "node:fs";
import { type Counts, isOnlyCircumstance, readJunit, readSeconds } from "./junit.ts";

export interface Outcome {
  readonly counts: Counts;
  /** All it wrote. */
  readonly output: string;
  /** It failed, but no test found anything wrong: they ran out of time, or a service refused. */
  readonly disturbed: boolean;
  /** Seconds of each file, as its report says; without what loading it took. */
  readonly seconds: ReadonlyMap<string, number>;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly limitS: number;
  readonly signal: AbortSignal;
  /** Where the JUnit report will be; without one the program counts as one test. */
  readonly report?: string;
}

/** Runs a program in a new process group, so that all that it started dies with it at the time limit or at Ctrl-C. */
export async function runChecked(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const child = Bun.spawn([...argv], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const killGroup = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  };
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    killGroup();
  }, options.limitS * 1000);
  const howItEnded = () => {
    if (late) return `\nkilled after ${options.limitS} s, the limit of one file`;
    return child.signalCode === null ? "" : `\nended by ${child.signalCode}`;
  };
  options.signal.addEventListener("abort", killGroup);
  try {
    const out = collect(child.stdout);
    const errors = collect(child.stderr);
    const code = await child.exited;
    killGroup(); // what the program left behind, which also would keep its output open
    const text = (await out) + (await errors);
    const report = readReport(options.report);
    return {
      counts: countsOf(code, options.report, report),
      output: text + howItEnded(),
      disturbed: isOnlyCircumstance(report ?? ""),
      seconds: readSeconds(report ?? ""),
    };
  } finally {
    clearTimeout(limit);
    options.signal.removeEventListener("abort", killGroup);
  }
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text();
}

const readReport = (file: string | undefined): string | null =>
  file !== undefined && existsSync(file) ? readFileSync(file, "utf8") : null;

/**
 * A failed exit is a failure even if every test in the report passed: something went wrong outside of them. So is a
 * report that was not written: a test that leaves the process takes the others with it.
 */
function countsOf(code: number, expected: string | undefined, report: string | null): Counts {
  const one = (passed: boolean): Counts => ({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: [] });
  if (expected === undefined) return one(code === 0);
  if (report === null) return one(false);
  const counts = readJunit(report);
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
