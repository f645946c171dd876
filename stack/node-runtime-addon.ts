import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { inheritedEnvironment } from "./config.ts";
import { readDownloads } from "./downloads.ts";
import { CliError } from "./errors.ts";
import { withLock } from "./lock.ts";
import type { NodeProgram } from "./node-program.ts";
import { ADDON, type AddonHome, addonHome } from "./node-runtime-addon-home.ts";
import { buildAddon } from "./node-runtime-build.ts";
import { fetchPrebuilt } from "./node-runtime-prebuilt.ts";
import type { StackContext } from "./service.ts";

/** How long to wait for a build in another process, seconds. A build takes minutes. */
const LOCK_WAIT_S = 1200;

/**
 * Makes sure that Node can load the Kafka addon: as it is, else with the binary that its makers publish for this Node, if
 * ops/downloads.json has its sum, else built here from the package's sources. The result stays in .stack/tools.
 * @throws CliError one sentence that says what to install
 */
export async function ensureAddon(context: StackContext, node: NodeProgram, build = buildAddon): Promise<void> {
  const { root, log } = context.layout;
  const home = addonHome(root);
  linkStore(home);
  if (loads(root, node)) return;
  mkdirSync(log, { recursive: true });
  mkdirSync(home.store, { recursive: true });
  await withLock(join(dirname(home.store), "lock"), "an installation of the Kafka addon", LOCK_WAIT_S, async () => {
    if (loads(root, node)) return;
    const { addon } = readDownloads(root);
    if ((await fetchPrebuilt(home, node, context.progress, addon)) && loads(root, node)) return;
    await build(context, home, node);
    if (loads(root, node)) return;
    throw new CliError(`the Kafka addon was built, but Node ${node.version} cannot load it: see ${log}`);
  });
}

/** The addon looks for `lib/binding/<target>/` in its package, after directories that only its own install script makes. */
function linkStore({ package: home, store }: AddonHome): void {
  const link = join(home, "lib", "binding");
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === store) return;
  rmSync(link, { recursive: true, force: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(store, link);
}

function loads(root: string, { path }: NodeProgram): boolean {
  const test = Bun.spawnSync([path, "-e", `require("${ADDON}/librdkafka.js")`], {
    cwd: root,
    env: inheritedEnvironment(),
    stdio: ["ignore", "ignore", "ignore"],
  });
  return test.exitCode === 0;
}
