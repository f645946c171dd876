import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { checkDownload, type Download } from "./downloads.ts";
import { CliError } from "./errors.ts";
import type { NodeProgram } from "./node-program.ts";
import { type AddonHome, binaryOf } from "./node-runtime-addon-home.ts";
import { type Progress, secondsSince } from "./progress.ts";

/** Time limit until the server answers, milliseconds: a machine without internet must not wait longer. */
const ANSWER_MS = 4_000;
/** The download is about 20 MB, milliseconds. */
const DOWNLOAD_MS = 60_000;

interface Binary {
  readonly module_name: string;
  readonly package_name: string;
  readonly host: string;
  readonly remote_path: string;
}

/** Where the addon's makers put the binary for this Node, as their package.json says. */
export function prebuiltUrl({ package: home, version }: AddonHome, { target }: NodeProgram): string {
  const { binary } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { binary: Binary };
  const [, abi, platform, arch] = /^(node-v\d+)-(\w+)-(\w+)$/.exec(target)!;
  const values: Record<string, string> = {
    module_name: binary.module_name,
    version,
    node_abi: abi!,
    platform: platform!,
    arch: arch!,
    libc: platform === "linux" ? libc() : "unknown",
  };
  const filled = (template: string) => template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
  return [binary.host, binary.remote_path, binary.package_name]
    .map(filled)
    .join("/")
    .replace(/(?<!:)\/{2,}/g, "/");
}

/**
 * Fetches the makers' binary, if its archive is in the list.
 * @returns false if it is not, or cannot be had: then it is built here
 * @throws CliError if the archive has another sum
 */
export async function fetchPrebuilt(
  home: AddonHome,
  node: NodeProgram,
  progress: Progress,
  list: readonly Download[],
): Promise<boolean> {
  const begun = performance.now();
  const url = prebuiltUrl(home, node);
  const name = basename(url);
  if (!list.some(({ file }) => file === name)) return false;
  const archive = await fetched(url, () =>
    progress.begin("addon", `fetching Kafka for Node ${node.version}, once (20 MB)`),
  );
  if (archive === undefined) return false;
  const directory = dirname(binaryOf(home, node));
  const file = join(directory, name);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, archive);
    checkDownload(list, name, file);
    const tar = Bun.spawn(["tar", "-xzf", file, "--strip-components=1", "-C", directory], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    if ((await tar.exited) !== 0) throw new Error("no archive");
    rmSync(file);
    progress.done("addon", `Kafka for Node ${node.version} fetched in ${secondsSince(begun)}`);
    return true;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    if (error instanceof CliError) throw error;
    return false;
  }
}

/** The bytes of a file, or undefined if it cannot be had. */
async function fetched(url: string, begins: () => void): Promise<Uint8Array | undefined> {
  const patience = new AbortController();
  const unanswered = setTimeout(() => patience.abort(), ANSWER_MS);
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([patience.signal, AbortSignal.timeout(DOWNLOAD_MS)]) });
    clearTimeout(unanswered);
    if (!answer.ok) return undefined;
    begins();
    return await answer.bytes();
  } catch {
    return undefined;
  } finally {
    clearTimeout(unanswered);
  }
}

function libc(): "glibc" | "musl" {
  const ldd = Bun.which("ldd");
  return ldd !== null && /musl/i.test(Bun.spawnSync([ldd, "--version"]).stderr.toString()) ? "musl" : "glibc";
}
