import { expect, test } from "bun:test";

/** A process with this environment that comes to a fault point; how it ended. */
async function comesTo(point: string, environment: string, armed: string): Promise<string> {
  const program = `import { createFault } from "${import.meta.dir}/fault-points.ts";
    createFault(${JSON.stringify(environment)}, ${JSON.stringify(armed)})(${JSON.stringify(point)});`;
  const child = Bun.spawn([process.execPath, "-e", program], { stderr: "ignore" });
  await child.exited;
  return String(child.signalCode ?? child.exitCode);
}

test("an armed fault point kills the process in tests, and nowhere else", async () => {
  expect(await comesTo("claim:after-lua", "test", "claim:after-lua")).toBe("SIGKILL");
  expect(await comesTo("claim:after-lua", "production", "claim:after-lua")).toBe("0");
  expect(await comesTo("claim:after-lua", "test", "persist:committed")).toBe("0");
  expect(await comesTo("claim:after-lua", "test", "")).toBe("0");
});
