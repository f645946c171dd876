import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseReceiptKeys } from "../../contracts/claims/receipt-keys.ts";
import { addReceiptKey, retireReceiptKey } from "./keys-file.ts";

const folder = mkdtempSync(join(tmpdir(), "stampede-receipt-"));
afterAll(() => rmSync(folder, { recursive: true }));
const keysOf = (file: string) => parseReceiptKeys(readFileSync(file, "utf8"));
const NOW = Date.UTC(2027, 0, 1, 12);
const DAY = 86_400_000;

test("a rotation: the first key signs at once, the next one in a day, and then the first one is retired", () => {
  const file = join(folder, "keys.json");
  expect(addReceiptKey(file, {}, NOW)).toEqual({
    id: "2027-01-01",
    notBefore: new Date(NOW),
    isPublishedInTime: true,
  });
  expect(statSync(file).mode & 0o077).toBe(0);
  const next = addReceiptKey(file, {}, NOW + 1_000);
  expect(next).toEqual({ id: "2027-01-02", notBefore: new Date(NOW + 1_000 + DAY), isPublishedInTime: true });
  const soon = addReceiptKey(file, { notBefore: new Date(NOW + 60_000) }, NOW);
  expect(soon).toMatchObject({ id: "2027-01-01-2", isPublishedInTime: false });
  expect(keysOf(file).map(({ id, secrets }) => [id, secrets !== null])).toEqual([
    ["2027-01-01", true],
    ["2027-01-01-2", true],
    ["2027-01-02", true],
  ]);

  expect(() => retireReceiptKey(file, "2027-01-01", NOW)).toThrow("signs now or later");
  expect(() => retireReceiptKey(file, "2027-01-02", NOW)).toThrow("signs now or later");
  expect(() => retireReceiptKey(file, "2026", NOW)).toThrow("has no key 2026; it has 2027-01-01,");
  const before = readFileSync(file, "utf8");
  retireReceiptKey(file, "2027-01-01", NOW + 2 * DAY);
  const keys = keysOf(file);
  expect(keys.map(({ secrets }) => secrets !== null)).toEqual([false, true, true]);
  expect(keys[0]!.publicKey.export({ format: "jwk" })).toEqual(
    parseReceiptKeys(before)[0]!.publicKey.export({ format: "jwk" }),
  );
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(readdirSync(folder)).toEqual(["keys.json"]);
});

test("a key that is to sign now signs from now on, not from the moment at which the command was typed", () => {
  const file = join(folder, "stolen.json");
  addReceiptKey(file, {}, NOW);
  const { notBefore } = addReceiptKey(file, { notBefore: new Date(NOW + 999) }, NOW + 1_000);
  expect(notBefore).toEqual(new Date(NOW + 1_000));
});

test("what would change receipts or spoil the file is refused, and the file stays", () => {
  const file = join(folder, "kept.json");
  addReceiptKey(file, { id: "a" }, NOW);
  const before = readFileSync(file, "utf8");
  expect(() => addReceiptKey(file, { notBefore: new Date(NOW - 61_000) }, NOW)).toThrow("lies in the past");
  expect(() => addReceiptKey(file, { id: "a" }, NOW)).toThrow("two keys have the `kid` a");
  expect(() => retireReceiptKey(join(folder, "none.json"), "a", NOW)).toThrow("there is no");
  expect(readFileSync(file, "utf8")).toBe(before);
  const other = join(folder, "other.json");
  writeFileSync(other, "secret text");
  expect(() => addReceiptKey(other, {}, NOW)).toThrow(/other\.json is no file of keys/);
  expect(readFileSync(other, "utf8")).toBe("secret text");
  expect(() => addReceiptKey(folder, {}, NOW)).toThrow("can't be read (EISDIR)");
});
