import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Fetches the makers' binary. @returns false if that fails: then it is built here */
export async function fetchPrebuilt(home: AddonHome, node: NodeProgram, progress: Progress): Promise<boolean> {
  const begun = performance.now();
  const patience = new AbortController();
  const unanswered = setTimeout(() => patience.abort(), ANSWER_MS);
  const directory = dirname(binaryOf(home, node));
  try {
    const signal = AbortSignal.any([patience.signal, AbortSignal.timeout(DOWNLOAD_MS)]);
    const answer = await fetch(prebuiltUrl(home, node), { signal });
    clearTimeout(unanswered);
    if (!answer.ok) return false;
    progress.begin("addon", `fetching Kafka for Node ${node.version}, once (20 MB)`);
    mkdirSync(directory, { recursive: true });
    const tar = Bun.spawn(["tar", "-xz", "--strip-components=1", "-C", directory], {
      stdio: [await answer.blob(), "ignore", "ignore"],
    });
    if ((await tar.exited) !== 0) throw new Error("no archive");
    progress.done("addon", `Kafka for Node ${node.version} fetched in ${secondsSince(begun)}`);
    return true;
  } catch {
    rmSync(directory, { recursive: true, force: true });
    return false;
  } finally {
    clearTimeout(unanswered);
  }
}

function libc(): "glibc" | "musl" {
  const ldd = Bun.which("ldd");
  return ldd !== null && /musl/i.test(Bun.spawnSync([ldd, "--version"]).stderr.toString()) ? "musl" : "glibc";
}
