import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { namespace, uuid5 } from "./uuid5.ts";

/** RFC 9562, appendix C: the namespace of domain names. */
const DNS = namespace("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

test("is the id of RFC 9562's example", () => {
  expect(uuid5(DNS, "www.example.com")).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2");
});

/** The definition, word by word. */
function defined(within: Buffer, name: string): string {
  const digest = createHash("sha1").update(within).update(name, "utf8").digest().subarray(0, 16);
  digest[6] = (digest[6]! & 0x0f) | 0x50;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return digest.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

test.each([0, 1, 335, 336, 337, 5_000])("names of %p characters, of any width, follow the definition", (length) => {
  for (const letter of ["a", "é", "語", "🂡", "\0"]) {
    const name = letter.repeat(length);
    expect(uuid5(DNS, name)).toBe(defined(DNS, name));
  }
});

test("a short name after a long one keeps nothing of it", () => {
  uuid5(DNS, "x".repeat(300));
  for (let i = 0; i < 64; i++) expect(uuid5(DNS, `${i}`)).toBe(defined(DNS, `${i}`));
});
