import { installPackages } from "../../stack/debian.ts";
import type { StackContext } from "../../stack/service.ts";

/** Files of tests that need PgBouncer. Nothing else does, so only their run installs it. */
export const NEEDS_POOLER = /(^|[/.-])pgbouncer[/.-]/;

/** Installs PgBouncer where that can be done; where it can't, the tests say why they are left out. */
export async function preparePooler({ layout, progress }: StackContext): Promise<void> {
  if (Bun.which("pgbouncer")) return;
  try {
    await installPackages(["pgbouncer"], layout.logOf("apt-get"), progress, "to test behind it");
  } catch (error) {
    progress.done("pgbouncer", `left out: ${error instanceof Error ? error.message : error}`);
  }
}
