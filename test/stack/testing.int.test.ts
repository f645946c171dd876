import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch } from "../../cli/testing/batches.ts";
import type { Lane } from "../../cli/testing/lanes.ts";
import { runChecked } from "../../cli/testing/run-checked.ts";
import { runOnLanes } from "../../cli/testing/run-on-lanes.ts";
import { inheritedEnvironment } from "../../stack/config.ts";
import { beganAt } from "../../stack/processes.ts";
import { sandbox } from "./cli.ts";

const dir = mkdtempSync(join(tmpdir(), "stampede-testing-"));
afterAll(() => rmSync(dir, { recursive: true }));

const env = inheritedEnvironment();
const signal = new AbortController().signal;

const batchOf = (file: string): Batch => ({ tier: "int", files: [file], seconds: 1 });
/** Of no stack: what runs there needs none. */
const lane = (name: string): Lane => ({
  env: { ...env, LANE: name },
  take: (waiting) => waiting.shift(),
  ready: async () => {},
  prepared: async () => {},
});

/** Runs one file of tests as the int tier does. */
async function runFile(name: string, text: string) {
  const file = `${name}.int.test.ts`;
  writeFileSync(join(dir, file), `import { expect, test } from "bun:test";\n${text}`);
  const shown: string[] = [];
  const failed = (what: string, output: string) => shown.push(`${what}: ${output}`);
  const counts = await runOnLanes([batchOf(file)], { cwd: dir, signal, reports: dir, failed, lanes: [lane("1")] });
  return { ...counts, shown: shown.join("\n") };
}

test("what passes, fails and is skipped is counted, and a failure is shown in full", async () => {
  const text = `test("a", () => {}); test("b", () => expect(1).toBe(2)); test.skip("c: no such machine", () => {});`;
  const outcome = await runFile("mixed", text);
  expect(outcome).toMatchObject({ passed: 1, failed: 1, skipped: ["mixed.int.test.ts: c: no such machine"] });
  expect(outcome.shown).toContain("Expected: 2");
});

test("a file that passes says nothing", async () => {
  expect(await runFile("fine", `test("a", () => {});`)).toMatchObject({ passed: 1, failed: 0, shown: "" });
});

test.each([
  ["that cannot be loaded", `import "./nowhere.ts"; test("a", () => {});`],
  ["that leaves the process", `test("a", () => process.exit(0)); test("b", () => {});`],
  ["that breaks outside of its tests", `test("a", () => {}); await Bun.sleep(1); throw new Error("outside");`],
  ["without a test", ""],
])("a file %s is a failure", async (what, text) => {
  expect((await runFile(`bad-${what.replaceAll(" ", "-")}`, text)).failed).toBeGreaterThan(0);
});

test("two lanes: every file runs once, and one that ran out of time beside others passes alone", async () => {
  const names = Array.from({ length: 8 }, (_, i) => `lane-${i}`);
  const seen = (lane: string) => readdirSync(dir).filter((file) => file.endsWith(`.on-${lane}`)).length;
  for (const name of names) {
    const mark = `await Bun.write("${join(dir, name)}.on-" + process.env.LANE, "");`;
    writeFileSync(
      join(dir, `${name}.int.test.ts`),
      `import { test } from "bun:test"; test("a", async () => { ${mark} });`,
    );
  }
  const once = `if (!(await Bun.file("${join(dir, "again")}").exists())) {
    await Bun.write("${join(dir, "again")}", ""); throw new Error("Waited in vain: a quiet machine"); }`;
  writeFileSync(join(dir, "slow.int.test.ts"), `import { test } from "bun:test"; test("a", async () => { ${once} });`);
  const batches = [...names, "slow"].map((name) => batchOf(`${name}.int.test.ts`));
  const ends: [string, number][] = [];
  const ended = (tier: string, counts: { passed: number }) => void ends.push([tier, counts.passed]);
  const shown: string[] = [];
  const failed = (what: string) => shown.push(what);
  const lanes = [lane("1"), lane("2")] as const;
  expect(await runOnLanes(batches, { cwd: dir, signal, reports: dir, failed, lanes, ended })).toEqual({
    passed: 9,
    failed: 0,
    skipped: [],
  });
  expect(ends).toEqual([["int", 9]]);
  expect(shown).toEqual(["slow.int.test.ts"]);
  expect(seen("1") + seen("2")).toBe(8);
  expect(Math.min(seen("1"), seen("2"))).toBeGreaterThan(0);
});

test("a program that hangs is killed at its limit, with what it started", async () => {
  const argv = ["bash", "-c", "sleep 600 & echo $!; wait"];
  const { counts, output } = await runChecked(argv, { cwd: dir, env, signal, limitS: 5 });
  expect(counts).toEqual({ passed: 0, failed: 1, skipped: [] });
  expect(output).toContain("killed after 5 s");
  const left = Number.parseInt(output, 10);
  for (let i = 0; i < 3_000 && beganAt(left) !== null; i++) await Bun.sleep(10); // dying takes the kernel a moment
  expect(beganAt(left)).toBeNull();
});

test("a program that crashes without a word is said to have", async () => {
  const { counts, output } = await runChecked(["bash", "-c", "kill -SEGV $$"], { cwd: dir, env, signal, limitS: 10 });
  expect(counts.failed).toBe(1);
  expect(output).toContain("ended by SIGSEGV");
});

test("the last line of ./dev test is the sum, and the exit code says whether it is good", async () => {
  const box = sandbox();
  const good = await box.run(["test", "cli/sale/times.unit"]);
  expect(good.out.trimEnd().split("\n").at(-1)).toMatch(/^\d+ passed, 0 failed$/);
  expect(good.code).toBe(0);
  const none = await box.run(["test", "no-such-file"]);
  expect(none.out.trimEnd().split("\n").at(-1)).toBe("0 passed, 0 failed");
  expect(none.code).toBe(1);
  await box.remove();
});
