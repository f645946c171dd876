import { expect, test } from "bun:test";

/** Runs a program that takes care of stray errors, and in which `code` goes wrong; what it said and how it ended. */
async function program(code: string, stop = "async () => console.log('stopped')") {
  const source = `
    import { takeStrayErrors } from ${JSON.stringify(`${import.meta.dir}/stray-errors.ts`)};
    const end = takeStrayErrors({ report: (error, what) => console.log(what + ": " + error.message), stop: ${stop}, limitMs: 300 });
    ${code}
    setTimeout(() => { console.log("went on"); process.exit(0); }, 60_000);`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", stderr: "pipe" });
  const said = (await new Response(child.stdout).text()).trim().split("\n");
  return { said, code: await child.exited, stderr: await new Response(child.stderr).text() };
}

test("an exception in a timer stops the program in an orderly way, once, with exit code 1", async () => {
  const ended = await program(`
    setTimeout(() => { throw new Error("first"); }, 1);
    setTimeout(() => { throw new Error("second"); }, 1);`);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toBe("");
  expect(ended.said[0]).toBe("uncaught exception: the process stops: first");
  expect(ended.said.filter((line) => line === "stopped")).toHaveLength(1);
});

test("a stop that hangs, or fails, ends all the same", async () => {
  const throwing = `setTimeout(() => { throw new Error("x"); }, 1);`;
  expect(await program(throwing, "() => new Promise(() => {})")).toMatchObject({ code: 1 });
  const failed = await program(throwing, "() => Promise.reject(new Error('y'))");
  expect(failed.code).toBe(1);
  expect(failed.said.at(-1)).toBe("the stop failed: y");
});

test("an unhandled rejection is reported, and the program continues", async () => {
  const ended = await program(`
    Promise.reject(new Error("stray"));
    setTimeout(() => { console.log("went on"); process.exit(0); }, 50);`);
  expect(ended.code).toBe(0);
  expect(ended.said).toEqual(["unhandled rejection: stray", "went on"]);
});
