import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readImportGraph } from "./import-graph.ts";

const root = mkdtempSync(join(tmpdir(), "stampede-imports-"));
afterAll(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
write("lua/claim.lua", "return 1");
write("lua/claim.ts", 'import text from "./claim.lua" with { type: "text" }; export const claim = text;');
write("gateway/claims.ts", 'import { claim } from "../lua/claim.ts"; export const route = claim;');
write("gateway/late.ts", 'export const late = () => import("./claims.ts");');
write("gateway/typed.ts", 'import type { Claim } from "../lua/claim.ts"; export const of = (c: Claim) => c;');
write("test/claims.int.test.ts", 'import { route } from "../gateway/claims.ts"; console.log(route);');

const reaching = (...changed: string[]) => [...readImportGraph(root).reaching(changed)].sort();

test("a script reaches the tests of whatever imports it, also where it is loaded late", () => {
  expect(reaching("lua/claim.lua")).toEqual([
    "gateway/claims.ts",
    "gateway/late.ts",
    "lua/claim.lua",
    "lua/claim.ts",
    "test/claims.int.test.ts",
  ]);
});

test("an import of types alone reaches no test, nor does an unknown file", () => {
  expect(reaching("lua/claim.ts")).not.toContain("gateway/typed.ts");
  expect(reaching("ops/unknown.conf")).toEqual([]);
});

test("package.json stays a file of which imports tell nothing, although a file imports its version", () => {
  write("package.json", '{"version":"1.0.0"}');
  write("gateway/version.ts", 'import { version } from "../package.json"; export const info = version;');
  const graph = readImportGraph(root);
  expect(graph.files.has("package.json")).toBe(false);
  expect([...graph.reaching(["package.json"])]).toEqual([]);
});
