import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { readDownloads } from "../../stack/downloads.ts";
import { CliError } from "../../stack/errors.ts";
import { askAudit } from "../supply-chain/audit.ts";
import { judgeLicences, type Licensed } from "../supply-chain/licences.ts";
import { readLock } from "../supply-chain/lock.ts";
import { createSbom } from "../supply-chain/sbom.ts";
import { scanRepository } from "../supply-chain/tracked.ts";

const root = resolve(import.meta.dir, "../..");

/** What others know about our packages. @returns what is wrong, one line each */
function reportAudit(): string[] {
  const audit = askAudit(root);
  if ("unasked" in audit) {
    console.log(`advisories: not asked, the registry has no answer to it here (${audit.unasked})`);
    return [];
  }
  console.log(`advisories: ${audit.advisories.length}`);
  return audit.advisories.map(({ name, severity, title }) => `${name}: ${severity}: ${title}`);
}

function reportLicences(all: readonly Licensed[], absent: number): string[] {
  const { counts, refused } = judgeLicences(all);
  console.log(`licences: ${counts.map(([license, n]) => `${n} × ${license}`).join("; ")}`);
  console.log(`          ${absent} packages are for other platforms and not installed: their licence is not read`);
  return refused.map(
    ({ name, version, license }) => `${name}@${version} has a licence that is not allowed: ${license}`,
  );
}

function reportSecrets(): string[] {
  const { findings, files } = scanRepository(root);
  console.log(`secrets: ${findings.length} in ${files} files`);
  return findings.map(({ file, line, kind }) => `${file}:${line} looks like a secret (${kind})`);
}

export function supplyChainCommand(): Command {
  return new Command("supply-chain")
    .description("Checks what the project is made of: advisories, licences, secrets; writes a bill of materials")
    .option(
      "--sbom <file>",
      "where the bill of materials goes (CycloneDX 1.6, JSON)",
      join(root, ".stack/sbom.cdx.json"),
    )
    .addHelpText("after", "\nExample:\n  ./dev supply-chain --sbom sbom.cdx.json")
    .action(({ sbom }: { sbom: string }) => {
      const [packages, downloads] = [readLock(root), readDownloads(root)];
      const installed = packages.flatMap(({ name, version, license }) =>
        license === undefined ? [] : [{ name, version, license, use: "part" as const }],
      );
      const beside = [...downloads.bun, ...downloads.kafka, ...downloads.addon].map(({ file, license }) => ({
        name: file,
        version: "",
        license,
        use: "beside" as const,
      }));
      const wrong = [
        ...reportAudit(),
        ...reportLicences([...installed, ...beside], packages.length - installed.length),
        ...reportSecrets(),
      ];
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
      const bill = createSbom(version, packages, downloads);
      mkdirSync(dirname(resolve(sbom)), { recursive: true });
      writeFileSync(sbom, `${JSON.stringify(bill, null, 2)}\n`);
      console.log(`bill of materials: ${bill.components.length} components in ${sbom}`);
      if (wrong.length > 0) throw new CliError(wrong.join("\n       "));
    });
}
