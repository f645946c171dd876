import { statSync } from "node:fs";
import type { Layout } from "./layout.ts";

const NONE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

let possible: boolean | undefined;

/** Whether this machine lets root give its capabilities away. Asked once a process. */
function canDrop(): boolean {
  possible ??= Bun.which("setpriv") !== null && Bun.spawnSync([...NONE, "true"]).exitCode === 0;
  return possible;
}

/**
 * A command whose process has none of root's capabilities, if root starts it: it is still the owner of the stack's files, which
 * another user often cannot reach, and can no longer read others' files, change owners or network, or trace other programs.
 * Not where the repository or the stack belongs to another user, whose private files root reads by a capability.
 */
export function withoutCapabilities(argv: readonly string[], layout: Layout): readonly string[] {
  if (process.getuid?.() !== 0) return argv;
  const isRoots = [layout.root, layout.dir].every((path) => statSync(path).uid === 0);
  return isRoots && canDrop() ? [...NONE, ...argv] : argv;
}
