import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkDownload, checkDownloads, type Download, readDownloads } from "./downloads.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stampede-downloads-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const sumOf = (text: string) => createHash("sha256").update(text).digest("hex");
const listed = (file: string, text: string): Download => ({
  file,
  purl: `pkg:generic/${file}`,
  license: "MIT",
  sha256: sumOf(text),
});

function fetched(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

test("a file with the sum of the list stays", () => {
  const path = fetched("a.jar", "a");
  checkDownload([listed("a.jar", "a")], "a.jar", path);
  expect(existsSync(path)).toBe(true);
});

test("a file with another sum is removed, and both sums are told", () => {
  const path = fetched("a.jar", "forged");
  expect(() => checkDownload([listed("a.jar", "a")], "a.jar", path)).toThrow(
    `a.jar has the SHA-256 ${sumOf("forged")}, and ops/downloads.json says ${sumOf("a")}: it was removed`,
  );
  expect(existsSync(path)).toBe(false);
});

test("a file that the list does not have is removed", () => {
  const path = fetched("b.jar", "b");
  expect(() => checkDownload([listed("a.jar", "a")], "b.jar", path)).toThrow("b.jar is not in ops/downloads.json");
  expect(existsSync(path)).toBe(false);
});

test("a directory holds all of the list and nothing else", () => {
  const list = [listed("a.jar", "a"), listed("b.jar", "b")];
  fetched("a.jar", "a");
  expect(() => checkDownloads(list, directory)).toThrow("b.jar is in ops/downloads.json and was not fetched");
  fetched("b.jar", "b");
  checkDownloads(list, directory);
  fetched("c.jar", "c");
  expect(() => checkDownloads(list, directory)).toThrow("c.jar is not in");
});

test("the list names the versions that the project asks for, each file once", () => {
  const root = resolve(import.meta.dir, "..");
  const downloads = readDownloads(root);
  const bun = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { devDependencies: { bun: string } })
    .devDependencies.bun;
  expect(downloads.bun.filter(({ file, purl }) => !file.endsWith(`-${bun}`) || !purl.endsWith(`@${bun}`))).toEqual([]);
  const pom = readFileSync(join(root, "ops/kafka/pom.xml"), "utf8");
  const version = (name: string) => new RegExp(`<${name}.version>([^<]+)<`).exec(pom)![1]!;
  const files = downloads.kafka.map(({ file }) => file);
  expect(files).toContain(`kafka_2.13-${version("kafka")}.jar`);
  expect(files).toContain(`log4j-slf4j-impl-${version("log4j")}.jar`);
  expect(readFileSync(join(root, "compose.yaml"), "utf8")).toContain(`apache/kafka:${version("kafka")}`);
  const all = [...downloads.bun, ...downloads.kafka, ...downloads.addon];
  expect(new Set(all.map(({ file }) => file)).size).toBe(all.length);
  expect(all.filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256))).toEqual([]);
});
