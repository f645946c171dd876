import { statfsSync } from "node:fs";
import { CliError } from "./errors.ts";

/** @throws CliError with how much is free where that is less than `bytes` */
export function requireSpace(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const mb = (n: number) => `${Math.floor(n / 1024 ** 2)} MB`;
  throw new CliError(`only ${mb(free)} are free at ${dir}: make room for at least ${mb(bytes)}, then try again`);
}
