import { expect, test } from "bun:test";
import { isOnlyCircumstance, lastLineOf, NOTHING, readJunit, readSeconds, sum } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="3" failures="1" skipped="1" time="0.01">
  <testsuite name="a.unit.test.ts" file="a.unit.test.ts" tests="4" failures="1" skipped="1">
    <testcase name="adds" classname="" time="0" file="a.unit.test.ts" line="1" assertions="1" />
    <testcase name="a &lt; b &amp; &quot;c&quot;" classname="" time="0" file="a.unit.test.ts" line="3">
      <skipped />
    </testcase>
    <testcase name="breaks" classname="" time="0" file="a.unit.test.ts" line="5">
      <failure type="AssertionError" />
    </testcase>
    <testcase name="adds > again" classname="" time="0" file="a.unit.test.ts" line="9" assertions="1" />
  </testsuite>
</testsuites>`;

test("a report is counted, and its skipped tests are named", () => {
  expect(readJunit(REPORT)).toEqual({ passed: 2, failed: 1, skipped: ['a.unit.test.ts: a < b & "c"'] });
});

test("a report says how long each file took; a group of tests in it is not counted again", () => {
  const group = (file: string) => `<testsuite name="a group" file="${file}" line="3" tests="1" time="7" />`;
  const suites = ["a.int.test.ts", "b.int.test.ts"].map(
    (f, i) => `<testsuite name="${f}" file="${f}" tests="1" time="${i + 0.5}">${group(f)}</testsuite>`,
  );
  expect([...readSeconds(suites.join(""))]).toEqual([
    ["a.int.test.ts", 0.5],
    ["b.int.test.ts", 1.5],
  ]);
});

test("a report without tests counts nothing", () => expect(readJunit("<testsuites/>")).toEqual(NOTHING));

test("the last line names skips only if there are any", () => {
  const counts = readJunit(REPORT);
  expect(lastLineOf(sum([counts, counts]))).toBe("4 passed, 2 failed, 2 skipped");
  expect(lastLineOf({ passed: 7, failed: 0, skipped: [] })).toBe("7 passed, 0 failed");
});

const failing = (...failures: string[]) => failures.map((one) => `<testcase name="a">${one}</testcase>`).join("");
const SLOW = '<failure type="TimeoutError" message="test timed out" />';
const IN_VAIN = '<failure type="Error" message="Waited in vain: the win">Error: Waited in vain: the win</failure>';

const REFUSED = '<failure type="KafkaError" message="All brokers are currently fenced." />';
const CUT = '<failure type="Error" message="read ECONNRESET" />';

test("a disturbed file is one in which everything that failed ran out of time or was refused by a service", () => {
  expect(isOnlyCircumstance(failing(SLOW, IN_VAIN))).toBe(true);
  expect(isOnlyCircumstance(failing(REFUSED, CUT))).toBe(true);
  for (const wrong of [
    '<failure type="AssertionError" message="Waited in vain: no" />',
    '<failure type="AssertionError" message="expect(received).toEqual(expected): KafkaError" />',
    '<failure type="TypeError" message="undefined is not an object" />',
    '<failure type="Error" message="3 users were sold the same piece" />',
  ])
    expect(isOnlyCircumstance(failing(SLOW, REFUSED, wrong))).toBe(false);
  expect(isOnlyCircumstance('<testcase name="a" />')).toBe(false);
});
