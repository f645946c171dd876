import { expect, test } from "bun:test";
import { relative, resolve } from "node:path";
import { Glob } from "bun";
import { type FunctionSize, functionSizes } from "./support/function-sizes.ts";

// The rooms by floor, and which rooms each may import (docs/architecture.md draws the same picture). A room knows only rooms
// below it. Composition roots (main.bun.ts, main.node.ts) are exempt, because their job is to know every room.
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // 1
  contracts: [],
  // 2
  kafka: ["contracts"],
  lua: ["contracts"],
  db: ["contracts"],
  "payment-simulator": ["contracts"],
  // between 2 and 3: a role of the consumers may run the checker, so it knows no room that only Bun can load
  verify: ["contracts", "kafka", "lua", "db"],
  // 3
  gateway: ["contracts", "kafka", "lua", "db"],
  consumers: ["contracts", "kafka", "lua", "db", "verify"],
  // 4
  stack: ["contracts", "kafka", "lua", "db", "gateway", "consumers", "payment-simulator", "ops"],
  // 5
  bench: ["contracts", "kafka", "lua", "db", "verify", "stack"],
  // 6
  cli: ["contracts", "kafka", "lua", "db", "verify", "gateway", "consumers", "stack", "bench", "ops"],
};
// An addon takes one limit from the environment and has no other way to be told it.
const WRITES_ONLY = "gateway/transports/uws-addon.ts";
// Belongs to no room: its version is the program's.
const PACKAGE = "package.json";
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

test("every room is read, and knows only rooms below it", () => {
  expect(all.length).toBeGreaterThan(50);
  const strangers = all.filter(({ from, to }) => {
    if (COMPOSITION.test(from) || roomOf(from) === roomOf(to) || to === PACKAGE) return false;
    return !ROOMS[roomOf(from)]!.includes(roomOf(to));
  });
  expect(strangers).toEqual([]);
});

test("of the programs that the stack starts it knows their environment only", () => {
  const programs = all.filter(
    ({ from, to }) => roomOf(from) === "stack" && /^(gateway|consumers|payment-simulator)\//.test(to),
  );
  expect(programs.map(({ to }) => to).filter((to) => !to.endsWith("/config.ts"))).toEqual([]);
});

test("no file imports itself through others", () => {
  const targets = Map.groupBy(all, ({ from }) => from);
  expect(circles((file) => targets.get(file)?.map(({ to }) => to) ?? [], [...targets.keys()])).toEqual([]);
});

/** Groups of files of which each reaches each other (Tarjan's strongly connected components of more than one file). */
function circles(importsOf: (file: string) => readonly string[], files: readonly string[]): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const target of importsOf(file)) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1 || importsOf(file).includes(file)) found.push(circle.sort());
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return found;
}

test.each([
  ["a chain", { a: ["b"], b: ["c"], c: [] }, []],
  ["two that need each other", { a: ["b"], b: ["a", "c"], c: [] }, [["a", "b"]]],
  ["a long way round", { a: ["b"], b: ["c"], c: ["d"], d: ["b"] }, [["b", "c", "d"]]],
  ["itself", { a: ["a"] }, [["a"]]],
] as const)("circles are found: %s", (_, graph: Readonly<Record<string, readonly string[]>>, expected) => {
  expect(circles((file) => graph[file] ?? [], Object.keys(graph))).toEqual(expected.map((circle) => [...circle]));
});

test("only composition roots know which runtime they are on", () => {
  const adapters = /^(kafka\/(bun|node)\/|gateway\/transports\/(?!transport\.ts))/;
  const leaks = all.filter(({ from, to }) => adapters.test(to) && !adapters.test(from) && !COMPOSITION.test(from));
  const allowed = leaks.filter(({ from }) => !/^(cli|bench|stack)\//.test(from));
  expect(allowed).toEqual([]);
});

test("only the sale-loader may load a sale's scripts", () => {
  const loads = all.filter(({ to }) => to === "lua/sale-loading.ts").map(({ from }) => from);
  expect(loads.filter((from) => !/^(lua|consumers\/sales)\//.test(from) && !COMPOSITION.test(from))).toEqual([]);
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

// The wall clock is set back and forth by people and by NTP; a duration by it may last an hour too long, or end before it began.
// Where a time of day is meant, the file stands here with the reason. Everything else is `performance.now()`.
const WALL_CLOCK: Readonly<Record<string, string>> = {
  "contracts/wire/clock.ts": "whether the clock was ever set",
  "db/partitions.ts": "which month it is",
  "lua/inbox.ts": "how long ago an event occurred",
  "lua/sale-loading.ts": "other processes compare it with the times in request ids",
  "gateway/audit/audited-calls.ts": "when a call was answered",
  "gateway/auth/claims.ts": "a token's exp, nbf and iat",
  "gateway/auth/authenticate.ts": "the end of a token that was verified before",
  "gateway/auth/blocked.ts": "the end of a block",
  "gateway/operators/blocks.ts": "the end of a block",
  "cli/commands/block.ts": "the end of a block",
  "cli/token/sign-with-key.ts": "a token's iat and exp",
  "gateway/config.ts": "a receipt key's notBefore",
  "gateway/shop/ranking.ts": "which day it is, and a time that all gateways share through Redis",
  "gateway/claims/claim.ts": "a sale's startsAt, a queued sale's window, the time in a request id",
  "gateway/sales/redis-clock.ts": "the time while Redis does not say it",
  "gateway/claims/publish.ts": "an event's occurredAt",
  "gateway/claims/queue.ts": "an event's occurredAt",
  "gateway/claims/redis-requests.ts": "compared with the time in a request id",
  "gateway/sales/opening-time.ts": "retryAt of an answer",
  "gateway/sales/sale-view.ts": "a sale's window",
  "gateway/orders/cancel-order.ts": "an event's occurredAt",
  "gateway/orders/coupon-terms.ts": "a coupon's validUntil",
  "gateway/orders/price-order.ts": "an order's createdAt",
  "gateway/payments/webhook-route.ts": "the time in a signature",
  "gateway/sockets/sale-starts.ts": "a sale's startsAt",
  "gateway/sockets/socket-timer.ts": "a token's exp",
  "consumers/claims/persist/announce.ts": "an event's occurredAt",
  "consumers/notify/role.ts": "how long ago an event occurred",
  "consumers/saga/advance-orders.ts": "an order's times, which other processes and restarts must understand",
  "consumers/retention/metrics.ts": "how long ago something in PostgreSQL happened",
  "consumers/order-sweeper/start.ts": "compared with due times in PostgreSQL",
  "consumers/payment/http-provider.ts": "a Retry-After that is a date",
  "payment-simulator/books.ts": "due times in a journal that outlives the process",
  "payment-simulator/webhooks.ts": "the time in a signature",
  "cli/commands/dead-letters.ts": "how long ago something in PostgreSQL happened",
  "cli/commands/receipt.ts": "a receipt key's notBefore",
  "cli/commands/sale.ts": "a sale that starts now",
  "cli/commands/status.ts": "how long ago another process was started",
  "cli/sale/times.ts": "times as people write them",
  "stack/receipt-keys.ts": "a new receipt key's notBefore",
  "stack/start-native.ts": "when a process was started, for other commands",
  "stack/start.ts": "when a container was started, for other commands",
  "cli/token/sign.ts": "a token's iat and exp",
  "verify/queued-sales.ts": "compared with times in PostgreSQL",
  "verify/second-look.ts": "compared with times in PostgreSQL",
  "verify/survey.ts": "compared with times in PostgreSQL",
  "bench/admin.ts": "a sale's startsAt",
  "bench/load/main.bun.ts": "a moment that several processes share",
  "bench/load/measure.ts": "a moment that several processes share",
  "bench/load/tally.ts": "a moment that several processes share",
  "bench/machine.ts": "the date of a measurement",
  "bench/orders/shop.ts": "names that no run has had before",
  "bench/rush.ts": "names that no run has had before",
  "bench/scenarios/claims.ts": "names that no run has had before",
  "bench/scenarios/persist.ts": "the time in a request id, an event's occurredAt",
  "bench/scenarios/refusals.ts": "names that no run has had before",
  "bench/scenarios/sockets.ts": "names that no run has had before",
  "bench/scenarios/abuse.ts": "names that no run has had before",
  "bench/tokens.ts": "a token's iat and exp",
};

test("durations are measured by the monotonic clock; files that read the wall clock are listed with the reason", async () => {
  const readers: string[] = [];
  for (const room of Object.keys(ROOMS)) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (file.includes(".test.")) continue;
      const text = await Bun.file(resolve(root, file)).text();
      if (/\bDate\.now\b|\bnew Date\(\)|[^.\w]Date\(\)/.test(text)) readers.push(file);
    }
  }
  expect(readers.sort()).toEqual(Object.keys(WALL_CLOCK).sort());
});

// An address keeps nothing alive. The code that takes one must hold what it belongs to until C has returned, and that file does.
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
  for (const room of ["contracts", "kafka", "lua", "db", "verify", "gateway", "consumers"]) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (/\.test\.|^kafka\/bun\//.test(file)) continue;
      const found = NEWER_THAN_NODE_20.exec(await Bun.file(resolve(root, file)).text());
      if (found !== null) newer.push(`${file}: ${found[0]}`);
    }
  }
  expect(newer).toEqual([]);
});

test("what runs on Node uses nothing that only Bun has", async () => {
  const found: string[] = [];
  for (const room of ["contracts", "kafka", "lua", "db", "verify", "gateway", "consumers"]) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (/\.test\.|^kafka\/bun\/|^gateway\/transports\/bun|main\.bun\.ts$/.test(file)) continue;
      const text = await Bun.file(resolve(root, file)).text();
      if (/\bBun\.\w+\(|from "bun(?::\w+)?"/.test(text)) found.push(file);
    }
  }
  expect(found).toEqual([]);
});

const MAX_LINES = 80;
// Functions that are longer, with the change that will take each apart. None may grow, and none may be added.
const TOO_LONG: Readonly<Record<string, { readonly lines: number; readonly why: string }>> = {
  "gateway/sockets/room.ts createSocketRoom": { lines: 103, why: "a class, when the gateway's sockets change" },
  "gateway/sockets/sale-topics.ts createSaleTopics": { lines: 88, why: "a class, when the gateway's sockets change" },
};

test(`no function is longer than ${MAX_LINES} lines`, async () => {
  const files: string[] = [];
  for (const room of Object.keys(ROOMS)) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) if (!file.includes(".test.")) files.push(file);
  }
  const sizes = await functionSizes(root, files);
  const shown = sizes.slice(0, 10).map(({ lines, place, name }) => `  ${lines} lines  ${place}  ${name}`);
  console.log(`the longest functions:\n${shown.join("\n")}`);
  const limit = ({ file, name }: FunctionSize) => TOO_LONG[`${file} ${name}`]?.lines ?? MAX_LINES;
  expect(sizes.filter((size) => size.lines > limit(size))).toEqual([]);
  const long = new Set(sizes.filter(({ lines }) => lines > MAX_LINES).map(({ file, name }) => `${file} ${name}`));
  expect(Object.keys(TOO_LONG).filter((listed) => !long.has(listed))).toEqual([]);
}, 60_000);

test("transactions of roles and doors stand in db/", async () => {
  const beginners: string[] = [];
  for (const room of ["gateway", "consumers"]) {
    for await (const file of new Glob(`${room}/**/*.ts`).scan(root)) {
      if (file.includes(".test.")) continue;
      if (/\bsql\.begin\(/.test(await Bun.file(resolve(root, file)).text())) beginners.push(file);
    }
  }
  expect(beginners).toEqual([]);
});
