import { expect, test } from "bun:test";
import { relative, resolve } from "node:path";
import { Glob } from "bun";

// The rooms and whom they may know (docs/architecture.md draws the same picture). Composition roots are exempt: knowing
// everybody is their job.
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  kafka: ["contracts"],
  lua: ["contracts"],
  db: ["contracts"],
  gateway: ["contracts", "kafka", "lua", "db"],
  consumers: ["contracts", "kafka", "lua", "db"],
  "payment-simulator": ["contracts"],
  cli: ["contracts", "kafka", "lua", "db", "bench", "consumers", "gateway", "ops"],
  bench: ["contracts", "kafka", "lua", "db", "cli"],
};
// An addon takes one limit from the environment and has no other way to be told it.
const WRITES_ONLY = "gateway/transports/uws-addon.ts";
const COMPOSITION = /(^|\/)main\.(bun|node)\.ts$/;

const root = resolve(import.meta.dir, "..");
const transpiler = new Bun.Transpiler({ loader: "ts" });

interface Import {
  readonly from: string;
  readonly to: string;
}

/** All relative imports of the rooms, types included (a type is knowledge too). */
async function imports(): Promise<Import[]> {
  const found: Import[] = [];
  for (const room of Object.keys(ROOMS)) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (file.includes(".test.")) continue;
      const text = await Bun.file(resolve(root, file)).text();
      const targets = new Set(transpiler.scanImports(text).map(({ path }) => path));
      for (const [, path] of text.matchAll(/^(?:import|export) [^;]*? from "(\.[^"]+)"/gms)) targets.add(path!);
      for (const path of targets) {
        if (!path.startsWith(".")) continue;
        found.push({ from: file, to: relative(root, resolve(root, file, "..", path)) });
      }
    }
  }
  return found;
}

const all = await imports();
const roomOf = (file: string) => file.split("/")[0]!;

test("every room is read, and knows only its neighbours", () => {
  expect(all.length).toBeGreaterThan(50);
  const strangers = all.filter(({ from, to }) => {
    if (COMPOSITION.test(from) || roomOf(from) === roomOf(to)) return false;
    return !ROOMS[roomOf(from)]!.includes(roomOf(to));
  });
  expect(strangers).toEqual([]);
});

test("only composition roots know which runtime they are on", () => {
  const adapters = /^(kafka\/(bun|node)\/|gateway\/transports\/(?!transport\.ts))/;
  const leaks = all.filter(({ from, to }) => adapters.test(to) && !adapters.test(from) && !COMPOSITION.test(from));
  const allowed = leaks.filter(({ from }) => !/^(cli|bench)\//.test(from));
  expect(allowed).toEqual([]);
});

test("only the sale-loader may load a sale's scripts", () => {
  const loads = all.filter(({ to }) => to === "lua/sale-loading.ts").map(({ from }) => from);
  expect(loads.filter((from) => !/^(lua|consumers\/sale-loader)\//.test(from) && !COMPOSITION.test(from))).toEqual([]);
});

test("only configuration reads the environment", async () => {
  const readers: string[] = [];
  for (const room of Object.keys(ROOMS)) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (/\.test\.|(^|\/)config\.ts$/.test(file) || COMPOSITION.test(file) || file === WRITES_ONLY) continue;
      const text = await Bun.file(resolve(root, file)).text();
      if (/process\.env|Bun\.env/.test(text)) readers.push(file);
    }
  }
  expect(readers).toEqual([]);
});

// An address keeps nothing alive. Whoever takes one must hold what it belongs to until C has returned, and that file does.
test("only kafka/bun/memory.ts takes addresses of JavaScript's memory", async () => {
  const takers: string[] = [];
  for (const room of Object.keys(ROOMS)) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      const text = await Bun.file(resolve(root, file)).text();
      if (/import \{[^}]*\bptr\b[^}]*\} from "bun:ffi"/.test(text)) takers.push(file);
    }
  }
  expect(takers).toEqual(["kafka/bun/memory.ts"]);
});

test("a traceparent is read by W3C's grammar wherever one comes in", async () => {
  const unread: string[] = [];
  for await (const file of new Glob("gateway/**/*.ts").scan(root)) {
    const text = await Bun.file(resolve(root, file)).text();
    const doors = text.match(/header\("traceparent"\)/g)?.length ?? 0;
    if (doors !== (text.match(/readTraceparent\(request\.header\("traceparent"\)\)/g)?.length ?? 0)) unread.push(file);
  }
  expect(unread).toEqual([]);
});

// Bun has them, Node 20 has not, and the types know them all: only a request to a process on Node would find out.
const NEWER_THAN_NODE_20 =
  /\b(?:(?:Map|Object)\.groupBy|Array\.fromAsync|Promise\.(?:withResolvers|try)|Iterator\.from|RegExp\.escape|Error\.isError)\b|\.(?:values|keys|entries)\(\)\s*\.(?:map|filter|find|some|every|toArray|reduce|take|drop|flatMap|forEach)\(|\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference)\(|\b(?:await )?using \w+ =/;

test("what runs on Node uses nothing that Node 20 lacks", async () => {
  const newer: string[] = [];
  for (const room of ["contracts", "kafka", "lua", "db", "gateway", "consumers"]) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (/\.test\.|^kafka\/bun\//.test(file)) continue;
      const found = NEWER_THAN_NODE_20.exec(await Bun.file(resolve(root, file)).text());
      if (found !== null) newer.push(`${file}: ${found[0]}`);
    }
  }
  expect(newer).toEqual([]);
});
