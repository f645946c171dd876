import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseReceiptKeys } from "../contracts/claims/receipt-keys.ts";
import { keptReceiptKeys } from "./receipt-keys.ts";

const folder = mkdtempSync(join(tmpdir(), "stampede-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a stack's key is made once, signs from then on, and only its owner may read it", () => {
  const file = join(folder, "stack", "receipt-keys.json");
  const from = Date.now();
  expect(keptReceiptKeys(file, undefined)).toBe(file);
  const text = readFileSync(file, "utf8");
  const [key] = parseReceiptKeys(text);
  expect(key!.secrets).not.toBeNull();
  expect(key!.notBefore).toBeGreaterThanOrEqual(from);
  expect(key!.notBefore).toBeLessThanOrEqual(Date.now());
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(keptReceiptKeys(file, undefined)).toBe(file);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("a file that the environment names is used as it is", () => {
  expect(keptReceiptKeys(join(folder, "none", "keys.json"), "/etc/stampede/keys.json")).toBe("/etc/stampede/keys.json");
});
