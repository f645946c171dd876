import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { readDownloads } from "../../stack/downloads.ts";
import { readAudit } from "./audit.ts";
import { isAllowed, judgeLicences } from "./licences.ts";
import { readLock } from "./lock.ts";
import { createSbom } from "./sbom.ts";

const root = resolve(import.meta.dir, "../..");

test("every package of bun.lock and every download has a licence that is allowed", () => {
  const packages = readLock(root).flatMap(({ name, version, license }) =>
    license === undefined ? [] : [{ name, version, license, use: "part" as const }],
  );
  const downloads = Object.values(readDownloads(root)).flat();
  const beside = downloads.map(({ file, license }) => ({ name: file, version: "", license, use: "beside" as const }));
  expect(packages.length).toBeGreaterThan(100);
  expect(judgeLicences([...packages, ...beside]).refused).toEqual([]);
});

test.each([
  ["MIT", "part", true],
  ["(MIT AND Zlib)", "part", true],
  ["MIT AND GPL-3.0-only", "part", false],
  ["GPL-3.0-only OR Apache-2.0", "part", true],
  ["EPL-2.0", "part", false],
  ["EPL-2.0", "beside", true],
  ["AGPL-3.0-only", "beside", false],
  ["none", "part", false],
  ["GPL-2.0-only", "beside", false],
  ["EPL-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0", "beside", true],
] as const)("%s of a program that is %s of ours: allowed is %p", (license, use, allowed) => {
  expect(isAllowed(license, use)).toBe(allowed);
});

test("a licence that is not allowed is told with its package", () => {
  const bad = { name: "left-pad", version: "1.0.0", license: "SSPL-1.0", use: "part" as const };
  expect(judgeLicences([bad]).refused).toEqual([bad]);
});

test("the bill of materials names every package and download once, with its sum, and is the same every time", () => {
  const [packages, downloads] = [readLock(root), readDownloads(root)];
  const bill = createSbom("1.2.3", packages, downloads);
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
  const references = bill.components.map((component) => component["bom-ref"]);
  expect(new Set(references).size).toBe(references.length);
  expect(references.length).toBe(packages.length + Object.values(downloads).flat().length);
  const digits = { "SHA-512": 128, "SHA-256": 64 } as const;
  expect(bill.components.filter(({ hashes: [sum] }) => sum!.content.length !== digits[sum!.alg])).toEqual([]);
  const typebox = bill.components.find(({ name }) => name === "@sinclair/typebox")!;
  expect(typebox.purl).toMatch(/^pkg:npm\/%40sinclair\/typebox@\d/);
  expect(bill.components.find(({ name }) => name === "org.apache.kafka/kafka-clients")).toMatchObject({
    type: "application",
    licenses: [{ expression: "Apache-2.0" }],
  });
  expect(JSON.stringify(createSbom("1.2.3", readLock(root), downloads))).toBe(JSON.stringify(bill));
});

test("advisories are read as Bun prints them; without an answer it is said that nothing was asked", () => {
  const found = { lodash: [{ severity: "high", title: "Command injection" }] };
  expect(readAudit(JSON.stringify(found), "")).toEqual({
    advisories: [{ name: "lodash", severity: "high", title: "Command injection" }],
  });
  expect(readAudit("{}", "")).toEqual({ advisories: [] });
  expect(readAudit("", "error: POST https://registry.example/advisories - 405\n")).toEqual({
    unasked: "error: POST the registry - 405",
  });
});
