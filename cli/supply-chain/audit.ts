/** An advisory about a version that bun.lock names. */
export interface Advisory {
  readonly name: string;
  readonly severity: string;
  readonly title: string;
}

export type PackageAudit = { readonly advisories: readonly Advisory[] } | { readonly unasked: string };

const MAX_MS = 60_000;

/** What `bun audit --json` printed. */
export function readAudit(stdout: string, stderr: string): PackageAudit {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    const why = stderr.trim().split("\n").at(-1) ?? "";
    return { unasked: why.replace(/https?:\/\/\S+/g, "the registry") || "no answer" };
  }
  const byPackage = answer as Readonly<
    Record<string, readonly { readonly severity?: string; readonly title?: string }[]>
  >;
  return {
    advisories: Object.entries(byPackage).flatMap(([name, all]) =>
      all.map(({ severity = "unknown", title = "" }) => ({ name, severity, title })),
    ),
  };
}

/** Asks the registry what is known about the versions of bun.lock. Never throws: without a network nothing is known. */
export function askAudit(root: string): PackageAudit {
  const bun = Bun.spawnSync([process.execPath, "audit", "--json"], { cwd: root, timeout: MAX_MS });
  if (bun.exitCode === null) return { unasked: `no answer within ${MAX_MS / 1000} s` };
  return readAudit(bun.stdout.toString(), bun.stderr.toString());
}
