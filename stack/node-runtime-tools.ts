import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./errors.ts";

/** Programs and headers that compiling the Kafka addon needs, with the Debian package that has them. */
const PROGRAMS: Readonly<Record<string, string>> = { "g++": "g++", make: "make", python3: "python3" };
const HEADERS: Readonly<Record<string, string>> = {
  "openssl/ssl.h": "libssl-dev",
  "curl/curl.h": "libcurl4-openssl-dev",
  "zlib.h": "zlib1g-dev",
  "zstd.h": "libzstd-dev",
  "sasl/sasl.h": "libsasl2-dev",
};

/** What this machine has to compile with. */
export interface Toolbox {
  readonly platform: NodeJS.Platform;
  hasProgram(name: string): boolean;
  hasHeader(path: string): boolean;
}

/**
 * Debian packages without which nothing can be compiled here.
 * @throws CliError on macOS, whose tools no package manager of ours installs
 */
export function missingTools({ platform, hasProgram, hasHeader }: Toolbox = machine()): string[] {
  const programs = Object.keys(PROGRAMS).filter((program) => !hasProgram(program));
  if (platform === "darwin") {
    if (programs.length === 0) return [];
    throw new CliError(`${programs.join(", ")} is missing to compile the Kafka addon: run \`xcode-select --install\``);
  }
  const headers = Object.keys(HEADERS).filter((header) => !hasHeader(header));
  return [...programs.map((program) => PROGRAMS[program]!), ...headers.map((header) => HEADERS[header]!)];
}

function machine(): Toolbox {
  const places = ["/usr/include", "/usr/local/include", ...multiarch()];
  return {
    platform: process.platform,
    hasProgram: (name) => Bun.which(name) !== null,
    hasHeader: (path) => places.some((place) => existsSync(join(place, path))),
  };
}

/** Debian keeps some headers per machine: /usr/include/x86_64-linux-gnu. */
function multiarch(): string[] {
  if (!existsSync("/usr/include")) return [];
  return readdirSync("/usr/include")
    .filter((name) => name.includes("-linux-"))
    .map((name) => join("/usr/include", name));
}
