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

test("armed with `pause:` it stops once, and continues after SIGCONT", async () => {
  const program = `import { createFault } from "${import.meta.dir}/fault-points.ts";
    const fault = createFault("test", "pause:claim:after-lua");
    console.log("here");
    fault("claim:after-produce");
    fault("claim:after-lua");
    console.log("on");
    fault("claim:after-lua");
    process.exit(7);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
  const output = child.stdout.getReader();
  const said = async () => new TextDecoder().decode((await output.read()).value);
  expect(await said()).toBe("here\n");
  const on = said();
  const early = await Promise.race([on, Bun.sleep(300).then(() => "nothing")]);
  expect(early).toBe("nothing");
  child.kill("SIGCONT");
  expect(await on).toBe("on\n");
  expect(await child.exited).toBe(7);
});
