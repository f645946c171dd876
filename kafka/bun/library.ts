import { dlopen } from "bun:ffi";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { KafkaError } from "../kafka.ts";
import { type Libc, openLibc, openThreads, type Threads } from "./libc.ts";
import { type Librdkafka, SYMBOLS } from "./symbols.ts";

export interface OpenLibrary {
  readonly rd: Librdkafka;
  readonly libc: Libc;
  readonly threads: Threads | null;
  /** Of librdkafka, e.g. "2.0.2". */
  readonly version: string;
  readonly path: string;
}

/**
 * Opens librdkafka: `preferred` (LIBRDKAFKA_PATH), else the one that @confluentinc/kafka-javascript installed, else
 * the system's. It stays open until the process ends, because librdkafka's threads run its code.
 * @throws KafkaError INVALID with what to install
 */
export function openLibrary(preferred?: string): OpenLibrary {
  const tried: string[] = [];
  for (const path of preferred ? [preferred] : [...installedByAddon(), ...systemLibraries()]) {
    try {
      const rd = dlopen(path, SYMBOLS).symbols;
      const version = rd.rd_kafka_version_str() ?? "unknown";
      return { rd, libc: openLibc(), threads: openThreads(), version, path };
    } catch (error) {
      tried.push(`${path}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new KafkaError(
    "INVALID",
    "librdkafka 2.0 or newer was not found. Install it (Debian and Ubuntu: apt-get install librdkafka1, macOS: brew " +
      "install librdkafka, or the npm package @confluentinc/kafka-javascript), or name the file in LIBRDKAFKA_PATH.\n" +
      `Tried ${tried.join("; ")}`,
  );
}

/** The Confluent addon carries a whole librdkafka, either linked into the addon itself or beside it. */
function installedByAddon(): string[] {
  let home: string;
  try {
    home = dirname(createRequire(import.meta.url).resolve("@confluentinc/kafka-javascript/package.json"));
  } catch {
    return []; // not installed: it is optional under Bun
  }
  // build/ is made by the package's own install script, lib/binding/ by ours (stack/node-runtime-addon.ts).
  const [build, binding] = [join(home, "build"), join(home, "lib", "binding")];
  const mine = `node-v\\d+-${process.platform}-${process.arch}`;
  const bindings = entriesOf(binding).filter((name) => new RegExp(`^${mine}$`).test(name));
  const libraries = [join(build, "deps"), join(binding, "deps")].map((deps) => join(deps, "librdkafka.so.1"));
  const addons = [join(build, "Release"), ...bindings.map((name) => join(binding, name))].flatMap((directory) =>
    entriesOf(directory)
      .filter((file) => file.endsWith(".node"))
      .map((file) => join(directory, file)),
  );
  return [...libraries.filter((file) => existsSync(file)), ...addons];
}

const entriesOf = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

function systemLibraries(): string[] {
  if (process.platform === "darwin") {
    return ["librdkafka.1.dylib", "/opt/homebrew/lib/librdkafka.1.dylib", "/usr/local/lib/librdkafka.1.dylib"];
  }
  return ["librdkafka.so.1"];
}
