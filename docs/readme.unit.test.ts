import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ConsumersEnvironment } from "../consumers/config.ts";
import { claimRefusalsTable, TOLD_REFUSALS } from "../contracts/claims/refusals.ts";
import { GatewayEnvironment } from "../gateway/config.ts";
import { PaymentSimulatorEnvironment } from "../payment-simulator/config.ts";
import { StackEnvironment } from "../stack/config.ts";
import { configurationTable, withTable } from "./configuration-table.ts";

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

test("every page of the documentation that README and the pages link to is there", async () => {
  const dangling: string[] = [];
  for (const page of [
    "README.md",
    "CONTRIBUTING.md",
    "GLOSSARY.md",
    "docs/architecture.md",
    "docs/operations.md",
    "docs/decisions/README.md",
    "docs/saga.md",
    "docs/payments.md",
    "bench/README.md",
  ]) {
    const text = await Bun.file(new URL(`../${page}`, import.meta.url)).text();
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const file = Bun.file(new URL(target!, new URL(`../${page}`, import.meta.url)));
      if (!(await file.exists())) dangling.push(`${page} → ${target}`);
    }
  }
  expect(dangling).toEqual([]);
});

test("every file and folder that the documents name is there", () => {
  const root = new URL("../", import.meta.url).pathname;
  const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
  const files = listed.stdout.toString().split("\n");
  const documents = files.filter(
    (file) => /^(docs\/.*|[A-Z]+|bench\/README)\.md$/.test(file) && file !== "CHANGELOG.md",
  );
  const exists = (name: string) =>
    name.endsWith("/")
      ? files.some((file) => file.startsWith(name))
      : files.some((file) => file === name || file.endsWith(`/${name}`));
  const missing: string[] = [];
  for (const document of documents) {
    const text = readFileSync(`${root}${document}`, "utf8");
    for (const [, name] of text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|lua|md|sql|json|mjs)|\/))`/g)) {
      if (!name!.startsWith(".") && !exists(name!)) missing.push(`${document}: ${name}`);
    }
  }
  expect(documents.length).toBeGreaterThan(60);
  expect(missing).toEqual([]);
});
