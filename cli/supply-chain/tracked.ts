import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Finding, findSecrets } from "./secrets.ts";

/** Larger files are data, and not read. */
const MAX_BYTES = 2 * 1024 ** 2;

/** Findings that are no secrets. `text`: how the finding begins; each entry must be found. */
export const NO_SECRETS: readonly { readonly file: string; readonly text: string; readonly why: string }[] = [];

export interface FileFinding extends Finding {
  readonly file: string;
}

/** Files that git tracks or would track. @throws Error without git */
function filesOf(root: string): string[] {
  const git = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  if (git.exitCode !== 0) throw new Error(`git ls-files: ${git.stderr.toString().trim()}`);
  return git.stdout.toString().split("\0").filter(Boolean);
}

/** What looks like a secret in the repository's files and is not in NO_SECRETS, and the entries of NO_SECRETS without a finding. */
export function scanRepository(root: string): {
  readonly findings: FileFinding[];
  readonly unused: string[];
  readonly files: number;
} {
  const used = new Set<(typeof NO_SECRETS)[number]>();
  const findings: FileFinding[] = [];
  const files = filesOf(root);
  for (const file of files) {
    const path = join(root, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || stat.size > MAX_BYTES) continue;
    for (const finding of findSecrets(readFileSync(path, "utf8"))) {
      const entry = NO_SECRETS.find((one) => one.file === file && finding.text.startsWith(one.text));
      if (entry === undefined) findings.push({ ...finding, file });
      else used.add(entry);
    }
  }
  return {
    findings,
    unused: NO_SECRETS.filter((entry) => !used.has(entry)).map(({ file }) => file),
    files: files.length,
  };
}
