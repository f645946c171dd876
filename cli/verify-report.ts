import pc from "picocolors";
import { CHECKS, type Check, type VerifyReport } from "../verify/check.ts";

const PROMISES: Record<number, string> = {
  0: "The checker",
  1: "Promise 1: exactly N, one per user",
  2: "Promise 2: a 202 is kept",
  4: "Promise 4: effects once",
  5: "Promise 5: an order settles, the books balance",
};

/** The report for people: a table of ✓, ✗ and – (not compared) by promise, and what is wrong below its line. */
export function printReport(report: VerifyReport): string {
  const lines: string[] = [];
  let promise = -1;
  const width = Math.max(...Object.keys(CHECKS).map((name) => name.length));
  for (const check of report.checks) {
    if (check.promise !== promise) lines.push(pc.bold(PROMISES[check.promise] ?? `Promise ${check.promise}`));
    promise = check.promise;
    lines.push(...printCheck(check, width));
  }
  const failed = report.checks.filter((check) => !check.ok);
  lines.push(
    report.ok
      ? pc.green(`✓ every promise holds (${report.checks.length} checks)`)
      : pc.red(`✗ ${failed.length} of ${report.checks.length} checks failed: ${failed.map((c) => c.name).join(", ")}`),
  );
  return lines.join("\n");
}

function printCheck({ ok, name, detail, examples, count, incomplete }: Check, width: number): string[] {
  const sign = ok ? (incomplete ? pc.yellow("–") : pc.green("✓")) : pc.red("✗");
  const lines = [`  ${sign} ${name.padEnd(width)}  ${detail}`];
  // An example that the sentence already contains is not repeated.
  for (const example of examples) if (!detail.includes(example)) lines.push(`      ${pc.dim(example)}`);
  if (count > examples.length && examples.length > 0) lines.push(pc.dim(`      … and ${count - examples.length} more`));
  return lines;
}
