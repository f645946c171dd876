/** What a working tree has that the main branch had not when the two parted. */
export interface Changes {
  /** The commit they are counted from, or null where git cannot say: then everything counts as changed. */
  readonly base: string | null;
  /** Paths relative to the repository: committed since `base`, uncommitted, and untracked. Deleted files are left out. */
  readonly files: readonly string[];
}

const MAIN_BRANCHES = ["origin/HEAD", "origin/main", "main"];

/** The output of a git command, or null if it failed (no git, no repository, no such commit). */
function git(root: string, ...args: string[]): string | null {
  try {
    const { exitCode, stdout } = Bun.spawnSync(["git", "-C", root, ...args], { stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : null;
  } catch {
    return null;
  }
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

/**
 * Changes since the merge base with the main branch. On the main branch itself: since the commit before, or the first
 * parent of a merge. A shallow clone without the merge base, or without the commit before, says nothing (`base` null).
 */
export function readChanges(root: string): Changes {
  const main = MAIN_BRANCHES.find((name) => git(root, "rev-parse", "--verify", "--quiet", `${name}^{commit}`) !== null);
  const parted = main === undefined ? null : git(root, "merge-base", "HEAD", main);
  const base = parted !== null && parted === git(root, "rev-parse", "HEAD") ? git(root, "rev-parse", "HEAD^") : parted;
  const committed = base === null ? null : git(root, "diff", "--name-only", "--diff-filter=d", base);
  const untracked = git(root, "ls-files", "--others", "--exclude-standard");
  if (base === null || committed === null || untracked === null) return { base: null, files: [] };
  return { base, files: [...new Set([...lines(committed), ...lines(untracked)])] };
}

/**
 * The number of this turn: how many commits lead to HEAD. A shallow clone cannot count them and would have the same
 * turn for ever; there the commit's hash chooses. 0 where git cannot say.
 */
export function commitNumber(root: string): number {
  if (git(root, "rev-parse", "--is-shallow-repository") === "true") {
    return Number.parseInt(git(root, "rev-parse", "HEAD")!.slice(0, 8), 16);
  }
  return Number(git(root, "rev-list", "--count", "HEAD") ?? 0);
}
