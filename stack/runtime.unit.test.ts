import { expect, test } from "bun:test";
import { changedVariant, hasRuntime, runtimeOf, runtimeVariant } from "./runtime.ts";

test("only our own two programs have a runtime", () => {
  expect((["redis", "postgres", "kafka", "gateway", "consumers"] as const).filter(hasRuntime)).toEqual([
    "gateway",
    "consumers",
  ]);
});

test.each([
  ["a service that was never started", undefined, "bun"],
  ["one that never heard of runtimes", { ROLES: "notify" }, "bun"],
  ["one on Node", { ROLES: "notify", ...runtimeVariant("node") }, "node"],
  ["one on a runtime that is none", { STAMPEDE_RUNTIME: "deno" }, "bun"],
] as const)("%s: its runtime is known", (_, variant, runtime) => expect(runtimeOf(variant)).toBe(runtime));

test("a service stays on its runtime until it is told otherwise", () => {
  const onNode = changedVariant({ ROLES: "notify" }, runtimeVariant("node"));
  expect(runtimeOf(onNode)).toBe("node");
  expect(runtimeOf(changedVariant(onNode, { ROLES: "coupon-persist" }))).toBe("node");
  expect(runtimeOf(changedVariant(onNode, undefined))).toBe("node");
  expect(runtimeOf(changedVariant(onNode, runtimeVariant("bun")))).toBe("bun");
});

test("Bun by name and Bun by default are one variant, so that nothing is restarted", () => {
  const before = { ROLES: "notify" };
  expect(changedVariant(before, runtimeVariant("bun"))).toEqual(before);
  expect(changedVariant(changedVariant(before, runtimeVariant("node")), runtimeVariant("bun"))).toEqual(before);
});
