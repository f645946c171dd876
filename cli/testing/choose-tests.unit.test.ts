import { expect, test } from "bun:test";
import { chooseChanged, chooseGate, LONG_S, TURNS } from "./choose-tests.ts";
import type { TestFile } from "./tiers.ts";

const unit = (name: string): TestFile => ({ file: `${name}.unit.test.ts`, tier: "unit" });
const int = (name: string): TestFile => ({ file: `test/${name}.int.test.ts`, tier: "int" });
const fault = (name: string): TestFile => ({ file: `test/fault/${name}.fault.test.ts`, tier: "fault" });

const long = Array.from({ length: 7 }, (_, i) => int(`long-${i}`));
const faults = ["redis-lost", "redis-forgets", "two-loaders", "kafka-away", "ledger-only"].map(fault);
const contracts = [int("kafka/bun"), int("kafka/node")];
const tests = [unit("a"), int("short"), int("new"), ...contracts, ...long, ...faults];
const durations = Object.fromEntries([
  [int("short").file, LONG_S - 1],
  ...contracts.map(({ file }) => [file, 200]),
  ...long.map(({ file }) => [file, LONG_S]),
]);
const files = (chosen: readonly TestFile[]) => chosen.map(({ file }) => file);

test("a gate runs what is short or new, and a fifth of the long tests", () => {
  const { tests: chosen, left } = chooseGate(tests, durations, [], 7);
  expect(files(chosen)).toEqual(expect.arrayContaining([unit("a").file, int("short").file, int("new").file]));
  expect(chosen.length + left).toBe(tests.length);
  expect(left).toBeGreaterThan(5);
});

test("after all turns every long test and every fault was run", () => {
  const run = new Set<string>();
  for (let commit = 100; commit < 100 + TURNS; commit++) {
    for (const { file } of chooseGate(tests, durations, [], commit).tests) run.add(file);
  }
  expect([...run].sort()).toEqual(files(tests).sort());
});

test("every turn gets about the same number of seconds", () => {
  const seconds = Array.from({ length: 5 }, (_, commit) => {
    const chosen = chooseGate(tests, durations, [], commit).tests;
    return chosen.filter(({ tier }) => tier === "int").reduce((sum, { file }) => sum + (durations[file] ?? 0), 0);
  });
  expect(Math.max(...seconds) - Math.min(...seconds)).toBeLessThanOrEqual(200);
});

test("of each kind of fault one file is run", () => {
  const chosen = files(chooseGate(tests, durations, [], 3).tests).filter((file) => file.includes("fault"));
  expect(chosen.filter((file) => /redis|loaders/.test(file))).toHaveLength(1);
  expect(chosen.filter((file) => /kafka|ledger/.test(file))).toHaveLength(1);
});

test("both runtimes' contracts run if their room changed, or if that is unknown", () => {
  const runs = (changed: string[] | null, commit: number) => {
    const chosen = files(chooseGate(tests, durations, changed, commit).tests);
    return files(contracts).filter((file) => chosen.includes(file)).length;
  };
  const quiet = Array.from({ length: TURNS }, (_, commit) => commit).find((commit) => runs([], commit) === 0)!;
  expect(quiet).toBeDefined();
  expect(runs(["kafka/bun/producer.ts"], quiet)).toBe(2);
  expect(runs(["gateway/transports/uws.ts"], quiet)).toBe(2);
  expect(runs(null, quiet)).toBe(2);
});

test("a long test that was changed runs whatever turn it is", () => {
  for (let commit = 0; commit < TURNS; commit++) {
    const chosen = chooseGate(tests, durations, [long[4]!.file, faults[1]!.file], commit).tests;
    expect(files(chosen)).toEqual(expect.arrayContaining([long[4]!.file, faults[1]!.file]));
  }
});

test("a change runs the unit and integration tests that reach it, and programs' tests only if changed themselves", () => {
  const known = new Set(["lua/a.ts", ...files(tests)]);
  const reaching = new Set([unit("a").file, int("short").file, faults[0]!.file]);
  expect(files(chooseChanged(tests, ["lua/a.ts"], known, reaching)!.tests)).toEqual([
    unit("a").file,
    int("short").file,
  ]);
  const touched = chooseChanged(tests, [faults[0]!.file], known, reaching)!.tests;
  expect(files(touched)).toContain(faults[0]!.file);
});

test("a change of which imports tell nothing asks for the gate; documents and records do not", () => {
  const ask = (file: string) => chooseChanged(tests, [file], new Set(), new Set());
  expect(ask("bun.lock")).toBeNull();
  expect(ask("ops/kafka/server.properties")).toBeNull();
  expect(ask("db/migrations/0099_new.sql")).toBeNull();
  expect(ask("docs/operations.md")!.tests).toEqual([]);
  expect(ask("test/durations.json")!.tests).toEqual([]);
});

test("tests that need Python run with --all, or if they were changed", () => {
  const generated: TestFile = { file: "test/generated/openapi.e2e.test.ts", tier: "e2e" };
  const runs = (changed: string[] | null) => files(chooseGate([generated], {}, changed, 0).tests);
  expect([runs(null), runs([]), runs([generated.file])]).toEqual([[], [], [generated.file]]);
});
