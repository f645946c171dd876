import { readFileSync, statSync } from "node:fs";
import type { TObject, TSchema } from "@sinclair/typebox";

/** Longer than every secret; a longer file is a mistake, as is a device that never ends. */
const LARGEST_BYTES = 65_536;

/** Whether `NAME_FILE` may name a file that has the variable's text. True for all variables that may contain a secret. */
export const takesFile = (schema: TSchema): boolean => schema.file === true;

type Environment = Record<string, string | undefined>;

/** The text of a secret's file, without the line break at its end. */
function textOf(file: string): { readonly text: string } | { readonly fault: string } {
  try {
    const status = statSync(file);
    if (!status.isFile()) return { fault: "is not a file" };
    if (status.size > LARGEST_BYTES) return { fault: `is larger than ${LARGEST_BYTES} bytes` };
    const text = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    return text === "" ? { fault: "is empty" } : { text };
  } catch (error) {
    return { fault: `cannot be read (${(error as { code?: string }).code ?? "unknown error"})` };
  }
}

/**
 * Reads the files that `NAME_FILE` variables name, as container platforms mount secrets. A file is read once, at the start of
 * the process. @returns the environment with their texts, and one sentence for every file that cannot be used
 */
export function readEnvironmentFiles(
  schema: TObject,
  environment: Environment,
): { readonly environment: Environment; readonly faults: readonly string[] } {
  const read: Environment = { ...environment };
  const faults: string[] = [];
  for (const [name, one] of Object.entries(schema.properties)) {
    const file = takesFile(one) ? environment[`${name}_FILE`] : undefined;
    if (file === undefined || file === "") continue;
    if (environment[name]) {
      faults.push(`${name} and ${name}_FILE: give one of them, not both`);
      continue;
    }
    const found = textOf(file);
    if ("fault" in found) faults.push(`${name}_FILE=${JSON.stringify(file).slice(1, -1)}: ${found.fault}`);
    else read[name] = found.text;
  }
  return { environment: read, faults };
}

/** An inherited environment without the `_FILE` forms of variables that are set anew: the new value stands. */
export function withoutReplacedFiles<T extends Environment>(inherited: T, set: Environment): T {
  const left = { ...inherited };
  for (const name of Object.keys(set)) if (set[name]) delete left[`${name}_FILE`];
  return left;
}
