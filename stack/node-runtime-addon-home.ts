import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeProgram } from "./node-program.ts";

export const ADDON = "@confluentinc/kafka-javascript";

/** Where one version of the Kafka addon and its binaries are. */
export interface AddonHome {
  /** The package as Bun installed it: sources only, because Bun runs no install scripts. */
  readonly package: string;
  readonly version: string;
  /** Binaries, kept outside of node_modules: one directory per Node, and the librdkafka of all in `deps`. */
  readonly store: string;
}

export function addonHome(root: string): AddonHome {
  const home = join(root, "node_modules", ADDON);
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
  return { package: home, version, store: join(root, ".stack", "tools", "kafka-addon", version) };
}

/** Where a store has the binary for a Node. */
export const binaryOf = (home: AddonHome, { target }: NodeProgram): string =>
  join(home.store, target, "confluent-kafka-javascript.node");
