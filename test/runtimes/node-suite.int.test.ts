import { expect, test } from "bun:test";

/** Runs a fixture as `bun test` runs a file of tests. */
async function bunTest(fixture: string, env: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([process.execPath, "test", `${import.meta.dirname}/fixtures/${fixture}`], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: out + errors };
}

test("each test of a Node suite counts on its own, and a failure keeps its message and its place", async () => {
  const { code, output } = await bunTest("mixed.ts");
  expect(code).toBe(1);
  expect(output).toContain("(pass) on Node: mixed > runs on Node");
  expect(output).toContain("(pass) on Node: mixed > inside > 2 comes before 3");
  expect(output).toContain("(fail) on Node: mixed > fails on purpose");
  expect(output).toContain("toEqual");
  expect(output).toMatch(/mixed\.suite\.ts:\d+/);
  expect(output).toContain("timed out after 100ms");
  expect(output).toContain("(pass) on Node: mixed > goes on after a failure");
  expect(output).toContain("hooks: before all, before each, before each, before each, disposed");
  expect(output).toContain("(pass) on Node: mixed > side by side > waits for the one below");
  expect(output).toMatch(/8 pass\s+2 fail/);
});

test("tests whose suite never ran have failed, with the reason", async () => {
  const { code, output } = await bunTest("broken-hook.ts");
  expect(code).toBe(1);
  expect(output).toContain("the broker did not start");
  expect(output).toMatch(/0 pass\s+2 fail/);
});

test("without Node the suite fails instead of being left out", async () => {
  const { code, output } = await bunTest("mixed.ts", { STAMPEDE_NODE: "/nonexistent/node" });
  expect(code).toBe(1);
  expect(output).toContain("/nonexistent/node");
  expect(output).not.toContain("(pass)");
});
