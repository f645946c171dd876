import { CommanderError } from "commander";
import pc from "picocolors";
import { debugging } from "../stack/config.ts";
import { CliError } from "../stack/errors.ts";

/** Exit code of wrong use, as most tools have it. */
const WRONG_USE = 2;

/** Says what went wrong on standard error, in one sentence (the stack only with DEBUG). @returns the exit code */
export function reportFailure(error: unknown): number {
  // Commander has printed its own message (and a suggestion) already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USE;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${pc.red("error:")} ${message}\n`);
  if (debugging() && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof CliError ? error.exitCode : 1;
}
