/** Licences of what becomes part of our programs, or builds and tests them: they ask for a notice, not for our sources. */
const PERMISSIVE: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

/** Those of programs that run beside ours, unchanged, are enough with these too: Kafka's broker brings jars of Jetty and Jersey. */
const BESIDE: ReadonlySet<string> = new Set([
  ...PERMISSIVE,
  "CDDL-1.1",
  "EPL-2.0",
  "GPL-2.0-only WITH Classpath-exception-2.0",
]);

export type Use = "part" | "beside";

/** Whether an SPDX expression without nested brackets leaves a licence that we allow: one of `OR`, all of `AND`. */
export function isAllowed(expression: string, use: Use): boolean {
  const allowed = use === "part" ? PERMISSIVE : BESIDE;
  return expression.split(" OR ").some((choice) =>
    choice
      .replace(/[()]/g, "")
      .split(" AND ")
      .every((one) => allowed.has(one.trim())),
  );
}

export interface Licensed {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly use: Use;
}

/** How many of each licence, most first, and the packages whose licence is not allowed. */
export function judgeLicences(all: readonly Licensed[]): {
  readonly counts: [string, number][];
  readonly refused: Licensed[];
} {
  const counts = new Map<string, number>();
  for (const { license } of all) counts.set(license, (counts.get(license) ?? 0) + 1);
  return {
    counts: [...counts].toSorted(([, a], [, b]) => b - a),
    refused: all.filter(({ license, use }) => !isAllowed(license, use)),
  };
}
