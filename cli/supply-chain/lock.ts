import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package of bun.lock. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…` in base64: what Bun checks as it installs. */
  readonly integrity: string;
  /** Its licence, as its package.json says; undefined if it is not installed (it is for another platform). */
  readonly license: string | undefined;
}

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
}

/** Keys of the lock are paths: `drizzle-kit/esbuild/@esbuild/linux-x64`. */
const directoryOf = (key: string) => (key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []).join("/node_modules/");

function licenceOf(root: string, key: string): string | undefined {
  const file = join(root, "node_modules", directoryOf(key), "package.json");
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  if (typeof license === "string") return license;
  return license?.type ?? licenses?.map(({ type }) => type ?? "unknown").join(" OR ") ?? "none";
}

/** All packages that bun.lock names, each version once, by name. @throws Error if a package is not from a registry */
export function readLock(root: string): LockedPackage[] {
  const lock = Bun.JSONC.parse(readFileSync(join(root, "bun.lock"), "utf8")) as {
    readonly packages: Readonly<Record<string, readonly [string, string, unknown, string?]>>;
  };
  const found = new Map<string, LockedPackage>();
  for (const [key, [id, , , integrity]] of Object.entries(lock.packages)) {
    if (!integrity?.startsWith("sha512-")) throw new Error(`${id} of bun.lock has no SHA-512`);
    const at = id.lastIndexOf("@");
    const license = licenceOf(root, key) ?? found.get(id)?.license;
    found.set(id, { name: id.slice(0, at), version: id.slice(at + 1), integrity, license });
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
