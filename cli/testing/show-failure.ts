import pc from "picocolors";

/** More files than that are run alone by their tier. */
const NAMED = 20;

/** Prints all that a failed process wrote, without the names of the tests that passed, and how to run what failed alone. */
export function showFailure(what: string, output: string, files: readonly string[], tier: string): void {
  console.log(`${pc.red("✗")} ${pc.bold(what)}\n${output.replace(/^\(pass\) .*\n/gm, "").trimEnd()}`);
  for (const command of commandsFor(output, files, tier)) console.log(`run it alone: ${command}`);
  console.log();
}

/**
 * The commands that run alone what failed: a file each. A process that was killed names no failed test; then all of its
 * files are run, or its tier.
 */
export function commandsFor(output: string, files: readonly string[], tier: string): string[] {
  const failed = files.length === 1 ? files : failedFiles(output);
  if (failed.length > 0) return failed.map((file) => `./dev test ${file}`);
  return [files.length > 0 && files.length <= NAMED ? `./dev test ${files.join(" ")}` : `./dev test --only ${tier}`];
}

/** Files with a failed test, of what `bun test` wrote: each file's name stands on a line before its tests. */
function failedFiles(output: string): string[] {
  const failed = new Set<string>();
  let file = "";
  for (const line of output.split("\n")) {
    if (/^\d+ tests failed:$/.test(line)) break; // they are named again, without their files
    if (line.endsWith(".test.ts:")) file = line.slice(0, -1);
    else if (line.startsWith("(fail) ") && file !== "") failed.add(file);
  }
  return [...failed];
}
