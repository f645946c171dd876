import type { Download, Downloads } from "../../stack/downloads.ts";
import type { LockedPackage } from "./lock.ts";

interface Component {
  readonly type: "library" | "application";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: "SHA-512" | "SHA-256"; readonly content: string }[];
  readonly licenses?: readonly { readonly expression: string }[];
}

/** A bill of materials: CycloneDX 1.6. */
export interface Sbom {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: {
    readonly component: { readonly type: "application"; readonly name: string; readonly version: string };
  };
  readonly components: readonly Component[];
}

const licensesOf = (license: string | undefined) =>
  license === undefined ? {} : { licenses: [{ expression: license }] };

function ofPackage({ name, version, integrity, license }: LockedPackage): Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const content = Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex");
  const hashes = [{ alg: "SHA-512" as const, content }];
  return { type: "library", "bom-ref": purl, name, version, purl, hashes, ...licensesOf(license) };
}

/** `pkg:maven/group/name@1.2?classifier=x` → name and version. */
function partsOf(purl: string): { readonly name: string; readonly version: string } {
  const [path, version] = purl.replace(/\?.*$/, "").split("@") as [string, string];
  return { name: decodeURIComponent(path.slice(path.indexOf("/") + 1)), version };
}

function ofDownload({ file, purl, license, sha256 }: Download): Component {
  const hashes = [{ alg: "SHA-256" as const, content: sha256 }];
  return { type: "application", "bom-ref": `${purl}#${file}`, ...partsOf(purl), purl, hashes, ...licensesOf(license) };
}

/** The bill of materials of bun.lock and the downloads. The same input gives the same bytes: no time, no random number. */
export function createSbom(version: string, packages: readonly LockedPackage[], downloads: Downloads): Sbom {
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", name: "stampede", version } },
    components: [
      ...packages.map(ofPackage),
      ...[...downloads.bun, ...downloads.kafka, ...downloads.addon].map(ofDownload),
    ],
  };
}
