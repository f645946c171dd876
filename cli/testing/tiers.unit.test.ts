import { expect, test } from "bun:test";
import { readImportGraph } from "./import-graph.ts";
import { BRINGS_SERVICES, chooseTiers, findTests, NEEDS_STACK, tierOf } from "./tiers.ts";

test("a file's name says its tier", () => {
  expect(tierOf("lua/claim.unit.test.ts")).toBe("unit");
  expect(tierOf("test/x.fault.test.ts")).toBe("fault");
  expect(tierOf("test/x.test.ts")).toBeNull();
});

test("this file is found, and only what was asked for", () => {
  expect(findTests(import.meta.dir)).toContainEqual({ file: "tiers.unit.test.ts", tier: "unit" });
  expect(findTests(import.meta.dir, ["junit"]).map(({ file }) => file)).toEqual(["junit.unit.test.ts"]);
});

test("no test file of the repository is without a tier", () => {
  const root = `${import.meta.dir}/../..`;
  const nameless = [
    ...new Bun.Glob("{cli,db,gateway,consumers,kafka,lua,bench,contracts,test,docs}/**/*.test.ts").scanSync(root),
  ];
  expect(nameless.filter((file) => tierOf(file) === null)).toEqual([]);
});

test("without a choice all tiers run; with files only theirs", () => {
  const unit = [{ tier: "unit" as const }];
  expect(chooseTiers(undefined, unit, false)).toEqual(["lint", "types", "unit"]);
  expect(chooseTiers(undefined, unit, true)).toEqual(["unit"]);
  expect(chooseTiers(["fault", "lint"], unit, true)).toEqual(["lint", "fault"]);
});

test("a file that brings its own services imports nothing that uses those of a stack", () => {
  const root = `${import.meta.dir}/../..`;
  const uses = ["system", "stack", "postgres"].map((name) => `test/support/${name}.ts`);
  const reaching = readImportGraph(root).reaching([...uses, "test/consumers/world.ts"]);
  const own = findTests(root).filter(({ file, tier }) => NEEDS_STACK.has(tier) && BRINGS_SERVICES.test(file));
  expect(own.length).toBeGreaterThan(10);
  expect(own.filter(({ file }) => reaching.has(file))).toEqual([]);
});
