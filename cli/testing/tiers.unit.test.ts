import { expect, test } from "bun:test";
import { chooseTiers, findTests, tierOf } from "./tiers.ts";

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
