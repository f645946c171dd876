import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { readEnvironment, Secret, SharedEnvironment } from "./environment.ts";
import { withoutReplacedFiles } from "./environment-files.ts";

const folder = mkdtempSync(join(tmpdir(), "secrets-"));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const schema = Type.Object({
  KEY: Secret({ default: "", description: "A key" }),
  DATABASE_URL: SharedEnvironment.DATABASE_URL,
  WORD: Type.String({ default: "word" }),
});
const read = (environment: Record<string, string>): Static<typeof schema> => readEnvironment(schema, environment);
const key = "k".repeat(32);

test.each(["", "\n", "\r\n"])("a secret is the text of its file, without the line break %j at the end", (end) => {
  expect(read({ KEY_FILE: file("key", `${key}${end}`) }).KEY.reveal()).toBe(key);
});

test("only one line break is removed, and spaces stay: they may belong to a password", () => {
  expect(read({ KEY_FILE: file("key", ` ${key}\n\n`) }).KEY.reveal()).toBe(` ${key}\n`);
});

test("an address may be in a file, also behind a link, as Kubernetes mounts it", () => {
  symlinkSync(file("..data", "postgres://u:p@db/stampede\n"), join(folder, "link"));
  expect(read({ DATABASE_URL_FILE: join(folder, "link") }).DATABASE_URL).toBe("postgres://u:p@db/stampede");
});

test("an empty name of a file is as good as none, and other variables have no file", () => {
  expect(read({ KEY_FILE: "", WORD_FILE: "/nowhere" })).toMatchObject({ WORD: "word" });
});

test.each([
  ["a file that is not there", () => join(folder, "absent"), "cannot be read (ENOENT)"],
  ["a folder", () => folder, "is not a file"],
  ["a device", () => "/dev/zero", "is not a file"],
  ["an empty file", () => file("empty", "\n"), "is empty"],
  ["a large file", () => file("large", "x".repeat(65_537)), "is larger than 65536 bytes"],
])("%s is refused by name", (_, path, fault) => {
  expect(() => read({ KEY_FILE: path() })).toThrow(`KEY_FILE=${path()}: ${fault}`);
});

test("a short secret in a file is refused without its text", () => {
  const short = () => read({ KEY_FILE: file("short", "hunter2") });
  expect(short).toThrow("KEY: must be at least 32 bytes long");
  expect(short).not.toThrow(/hunter/);
});

test("a variable and its file at once are refused, because either could be meant", () => {
  expect(() => read({ KEY: key, KEY_FILE: file("key", key) })).toThrow("KEY and KEY_FILE: give one of them, not both");
});

test("a value that is set anew replaces an inherited file", () => {
  const inherited = { KEY_FILE: "/run/key", OTHER_FILE: "/run/other" };
  expect(withoutReplacedFiles(inherited, { KEY: key, OTHER: "" })).toEqual({ OTHER_FILE: "/run/other" } as never);
});
