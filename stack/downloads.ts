import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./errors.ts";

/** A file that is fetched without bun.lock. */
export interface Download {
  readonly file: string;
  /** Its package URL, as a bill of materials names it. */
  readonly purl: string;
  /** An SPDX expression. */
  readonly license: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface Downloads {
  /** Programs that `dev` takes where there is no Bun. It checks them by the same list, before there is a Bun to run this. */
  readonly bun: readonly Download[];
  /** The jars of a native broker: ops/kafka/pom.xml. */
  readonly kafka: readonly Download[];
  /** Binaries of the Kafka addon for Node, as its makers publish them. What is not here is compiled. */
  readonly addon: readonly Download[];
}

const LIST = "ops/downloads.json";

/** Where the list is. */
export const downloadsFile = (root: string): string => join(root, LIST);

export const readDownloads = (root: string): Downloads =>
  JSON.parse(readFileSync(downloadsFile(root), "utf8")) as Downloads;

/**
 * Checks a fetched file before anything uses it.
 * @param name its name in the list
 * @throws CliError if the list has no such file or another SHA-256; then the file has been removed
 */
export function checkDownload(list: readonly Download[], name: string, path: string): void {
  const sum = createHash("sha256").update(readFileSync(path)).digest("hex");
  const wanted = list.find(({ file }) => file === name)?.sha256;
  if (wanted === sum) return;
  rmSync(path);
  throw new CliError(
    wanted === undefined
      ? `${name} is not in ${LIST} (its SHA-256 is ${sum}): it was removed`
      : `${name} has the SHA-256 ${sum}, and ${LIST} says ${wanted}: it was removed. Fetch it again; if it is wrong again, do not use it`,
  );
}

/** Checks a directory of fetched files: all of the list, and no other. @throws CliError as checkDownload, or naming what is missing */
export function checkDownloads(list: readonly Download[], directory: string): void {
  for (const name of readdirSync(directory).toSorted()) checkDownload(list, name, join(directory, name));
  const missing = list.filter(({ file }) => !existsSync(join(directory, file)));
  if (missing.length > 0) throw new CliError(`${missing[0]!.file} is in ${LIST} and was not fetched`);
}
