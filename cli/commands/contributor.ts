import { join, resolve } from "node:path";
import { Argument, Command, Option } from "commander";
import { CliError } from "../../stack/errors.ts";

const root = resolve(import.meta.dir, "../..");

export interface ChangesetOptions {
  readonly bump?: "major" | "minor" | "patch";
  readonly message?: string;
  readonly status?: boolean;
  readonly release?: boolean;
}

/**
 * What the program of @changesets/cli is called with.
 * @throws CliError if a changeset without questions lacks one of its two parts
 */
export function changesetArguments({ bump, message, status, release }: ChangesetOptions): string[] {
  if (status) return ["status"];
  if (release) return ["version"];
  if (bump === undefined && message === undefined) return ["add"];
  if (bump === undefined || !message?.trim()) {
    throw new CliError("--bump and --message belong together: without both, ./dev changeset asks", { exitCode: 2 });
  }
  return ["add", `--${bump}`, "stampede", "-m", message];
}

/** A change that users or contributors notice, for the changelog of the next version. */
export function changesetCommand(): Command {
  return new Command("changeset")
    .description("Writes down a change for the next version's changelog")
    .addOption(new Option("--bump <part>", "part of the version that it raises").choices(["major", "minor", "patch"]))
    .option("-m, --message <text>", "what changes, for whom; with --bump nothing is asked")
    .addOption(new Option("--status", "says what is waiting").conflicts(["bump", "message", "release"]))
    .addOption(new Option("--release", "makes a version of what is waiting").conflicts(["bump", "message"]))
    .addHelpText(
      "after",
      '\nExamples:\n  ./dev changeset --bump patch -m "Sales open on time"\n  ./dev changeset --status',
    )
    .action(async (options: ChangesetOptions) => {
      const program = join(root, "node_modules/@changesets/cli/bin.js");
      process.exitCode = await runTool([process.execPath, program, ...changesetArguments(options)]);
    });
}

export function formatCommand(): Command {
  return new Command("format")
    .description("Formats the code and repairs what the linter can repair")
    .addArgument(new Argument("[files...]", "which files or folders").default(["."], "all"))
    .addHelpText("after", "\nExamples:\n  ./dev format\n  ./dev format gateway cli/program.ts")
    .action(async (files: string[]) => {
      process.exitCode = await runTool([join(root, "node_modules/.bin/biome"), "check", "--write", ...files]);
    });
}

export function docsCommand(): Command {
  return new Command("docs")
    .description("Writes the tables of README and the operations guide from what the program reads")
    .addHelpText("after", "\nExample:\n  ./dev docs && git diff README.md")
    .action(async () => {
      process.exitCode = await runTool([process.execPath, join(root, "docs/generate.ts")]);
    });
}

/** Runs a tool in the repository on this terminal. @returns its exit code */
export async function runTool(argv: readonly string[], cwd = root): Promise<number> {
  return await Bun.spawn([...argv], { cwd, stdio: ["inherit", "inherit", "inherit"] }).exited;
}
