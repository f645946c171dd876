/** What a run of tests came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that were left out. */
  readonly skipped: readonly string[];
}

export const NOTHING: Counts = { passed: 0, failed: 0, skipped: [] };

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((n, { passed }) => n + passed, 0),
    failed: all.reduce((n, { failed }) => n + failed, 0),
    skipped: all.flatMap(({ skipped }) => skipped),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const plain = (text: string) => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name]!);

/** Counts the test cases of a JUnit report (as Bun writes it). */
export function readJunit(xml: string): Counts {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const [, attributes, selfClosed, body] of xml.matchAll(
    /<testcase\b((?:[^>"]|"[^"]*")*?)(?:(\/)>|>(.*?)<\/testcase>)/gs,
  )) {
    if (!selfClosed && /<(failure|error)\b/.test(body!)) failed++;
    else if (!selfClosed && /<skipped\b/.test(body!)) {
      const value = (name: string) => plain(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes!)?.[1] ?? "");
      skipped.push([value("file"), value("name")].filter(Boolean).join(": "));
    } else passed++;
  }
  return { passed, failed, skipped };
}

/** Seconds of each file in a JUnit report. A file is a suite named like it; the suites in it are its groups. */
export function readSeconds(xml: string): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const [, file, time] of xml.matchAll(/<testsuite name="([^"]*)" file="\1" [^>]*?\btime="([\d.]+)"/g)) {
    seconds.set(plain(file!), Number(time));
  }
  return seconds;
}

/**
 * How Bun names a test that ran out of time, how `until` (test/support/until.ts) does, and what Kafka, PostgreSQL and Redis throw.
 * A busy machine can cause each: a broker that stood still for its session's length refuses, as it must.
 */
const CIRCUMSTANCE =
  /<failure type="((Timeout|Kafka|Postgres|Reply)Error"|Error" message="(Waited in vain: |(connect|read|write) E[A-Z]+\b))/;

/** Whether all that failed in a JUnit report ran out of time or was refused by a service, and nothing was found wrong. */
export function isOnlyCircumstance(xml: string): boolean {
  const failures = xml.match(/<(failure|error)\b[^>]*/g) ?? [];
  return failures.length > 0 && failures.every((failure) => CIRCUMSTANCE.test(failure));
}

/** The last line of a run: exactly `N passed, N failed`, and skips if there are any. */
export function lastLineOf({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
}
