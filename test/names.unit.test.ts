import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { Glob } from "bun";

const ROOMS = "{bench,cli,consumers,contracts,db,docs,gateway,kafka,lua,ops,payment-simulator,stack,test,verify}";
const EXPORTED_TYPE = /^export (?:declare )?(?:abstract )?(?:type|interface|class|enum) (\w+)/gm;

// A name with two types is listed here with its files and the reason.
const SHARED: Readonly<Record<string, { readonly files: readonly string[]; readonly why: string }>> = {
  Commits: {
    files: ["kafka/bun/commits.ts", "kafka/node/commits.ts"],
    why: "the same part of each of the two Kafka adapters",
  },
  GroupAssignment: {
    files: ["kafka/bun/group-assignment.ts", "kafka/node/assignment.ts"],
    why: "the same part of each of the two Kafka adapters",
  },
  RecordWriter: {
    files: ["kafka/bun/record-writer.ts", "kafka/node/record-writer.ts"],
    why: "the same part of each of the two Kafka adapters",
  },
};

/** Exported types that two or more files declare, with these files. */
async function repeatedTypes(): Promise<Record<string, string[]>> {
  const root = resolve(import.meta.dir, "..");
  const declaring = new Map<string, Set<string>>();
  for await (const file of new Glob(`${ROOMS}/**/*.ts`).scan(root)) {
    const text = await Bun.file(resolve(root, file)).text();
    for (const [, name] of text.matchAll(EXPORTED_TYPE)) {
      declaring.set(name!, (declaring.get(name!) ?? new Set()).add(file));
    }
  }
  expect(declaring.size).toBeGreaterThan(500);
  return Object.fromEntries(
    [...declaring].filter(([, files]) => files.size > 1).map(([name, files]) => [name, [...files].sort()]),
  );
}

test("a name of an exported type means one type in the whole project", async () => {
  expect(await repeatedTypes()).toEqual(
    Object.fromEntries(Object.entries(SHARED).map(([name, { files }]) => [name, [...files]])),
  );
});
