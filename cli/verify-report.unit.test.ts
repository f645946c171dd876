import { expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import { type Check, mergeVerdicts } from "../verify/check.ts";
import { printReport } from "./verify-report.ts";

/** Without colours: they are on where CI is set, even without a terminal. */
const printed = (ok: boolean, checks: Check[]) => stripVTControlCharacters(printReport({ ok, checks }));

test("a check that could not look at everything has a dash instead of a tick", () => {
  const note = "sale x is RECOVERING: not compared";
  const checks = mergeVerdicts([{ name: "sale-loaded", violations: [], examined: 1, note, incomplete: true }]);
  expect(printed(true, checks)).toMatch(/– +sale-loaded/);
});

test("a broken promise is named with its examples and how many more there are", () => {
  const violations = Array.from({ length: 12 }, (_, i) => `request ${i}`);
  const text = printed(false, mergeVerdicts([{ name: "one-per-user", violations, examined: 50 }]));
  expect(text).toMatch(/✗ one-per-user/);
  expect(text).toContain("request 0");
  expect(text).toContain("… and 2 more");
  expect(text).toContain("1 of 1 checks failed: one-per-user");
});
