import { chmodSync, existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import type { Progress } from "./progress.ts";

/** Files and directories that this process and its children make are the owner's alone. */
const UMASK = 0o077;
const OTHERS = 0o077;

/**
 * Mode of the directories above PostgreSQL's data. Root hands that data to another user, who must be able to walk there;
 * nobody but root can list or read anything on the way.
 */
const walkable = () => (process.getuid?.() === 0 ? 0o711 : 0o700);

/** From now on, what this process and its children write is readable by its owner only. */
export function makeFilesPrivate(): void {
  process.umask(UMASK);
}

/**
 * Takes the rights of group and others from everything in a stack that an earlier release made: logs, data, process ids, secrets.
 * PostgreSQL looks after its data itself.
 */
export function tightenModes(layout: Layout, progress: Progress): void {
  const wanted = walkable();
  const isTight = [layout.dir, layout.data].every((dir) => (statSync(dir).mode & 0o777) === wanted);
  if (isTight) return;
  const changed = [layout.log, layout.run, layout.data, layout.secretsFile, layout.receiptKeysFile].reduce(
    (sum, path) => sum + tighten(path, layout.dataOf("postgres")),
    0,
  );
  chmodSync(layout.data, wanted);
  // Last: an interrupted call begins again.
  chmodSync(layout.dir, wanted);
  if (changed > 0) progress.done("modes", `${changed} files and directories of the stack are now readable by you only`);
}

/** @returns how many files and directories lost rights */
function tighten(path: string, except: string): number {
  if (path === except || !existsSync(path)) return 0;
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return 0;
  const inside = status.isDirectory() ? readdirSync(path).map((name) => tighten(join(path, name), except)) : [];
  const isOpen = (status.mode & OTHERS) !== 0;
  if (isOpen) chmodSync(path, status.mode & 0o700);
  return inside.reduce((sum, one) => sum + one, isOpen ? 1 : 0);
}
