import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConsumersEnvironment } from "../consumers/config.ts";
import { claimRefusalsTable, TOLD_REFUSALS } from "../contracts/claims/refusals.ts";
import { GatewayEnvironment } from "../gateway/config.ts";
import { PaymentSimulatorEnvironment } from "../payment-simulator/config.ts";
import { StackEnvironment } from "../stack/config.ts";
import { configurationTable, withTable } from "./configuration-table.ts";
import { anchorsOf, linksOf } from "./markdown-links.ts";

test("README's configuration table is what the schemas say (else: ./dev docs)", async () => {
  const text = await Bun.file(new URL("../README.md", import.meta.url)).text();
  const table = configurationTable({
    gateway: GatewayEnvironment,
    consumers: ConsumersEnvironment,
    "payment-simulator": PaymentSimulatorEnvironment,
    "./dev": StackEnvironment,
  });
  expect(table.split("\n").length).toBeGreaterThan(30);
  expect(withTable(text, table)).toBe(text);
});

test("README's table of refused claims is the one that scripts and answers use (else: ./dev docs)", async () => {
  const text = await Bun.file(new URL("../README.md", import.meta.url)).text();
  expect(withTable(text, claimRefusalsTable(), "refusals of a claim")).toBe(text);
  for (const code of TOLD_REFUSALS) expect(text).toContain(`| \`${code}\` |`);
});

const root = new URL("../", import.meta.url).pathname;
const tracked = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
const files = tracked.stdout
  .toString()
  .split("\n")
  .filter((file) => file !== "" && existsSync(`${root}${file}`));
const read = (file: string) => readFileSync(`${root}${file}`, "utf8");

test("every file, folder and heading that a page links to is there", () => {
  const pages = files.filter((file) => /\.(md|yml)$/.test(file));
  const dangling: string[] = [];
  for (const page of pages) {
    for (const { path, anchor } of linksOf(read(page))) {
      const target = path === "" ? page : join(dirname(page), path);
      const isThere = existsSync(`${root}${target}`);
      if (!isThere || (anchor !== null && !anchorsOf(read(target)).has(anchor)))
        dangling.push(`${page} → ${path}${anchor === null ? "" : `#${anchor}`}`);
    }
  }
  expect(pages).toContain("SECURITY.md");
  expect(pages).toContain("CHANGELOG.md");
  expect(pages).toContain(".github/pull_request_template.md");
  expect(dangling).toEqual([]);
});

test("every file and folder that the documents name is there", () => {
  // The changelog names files as they were when it was written.
  const documents = files.filter(
    (file) => /^(docs\/.*|[A-Z]+|bench\/README|\.github\/.*)\.(md|yml)$/.test(file) && file !== "CHANGELOG.md",
  );
  const exists = (name: string) =>
    name.endsWith("/")
      ? files.some((file) => file.startsWith(name))
      : files.some((file) => file === name || file.endsWith(`/${name}`));
  const missing: string[] = [];
  for (const document of documents) {
    const text = read(document);
    for (const [, name] of text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|lua|md|sql|json|mjs)|\/))`/g)) {
      if (!name!.startsWith(".") && !exists(name!)) missing.push(`${document}: ${name}`);
    }
  }
  expect(documents.length).toBeGreaterThan(60);
  expect(missing).toEqual([]);
});
