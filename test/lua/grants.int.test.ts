import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CouponId, newCouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { parseAnnouncement } from "../../lua/sale-scripts.ts";
import { withIncludes } from "../../lua/script-includes.ts";
import { type RedisServer, startRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { connected } from "./sale.ts";

// What claim.lua and decide.lua have in common, in a script that does nothing else: who gets a slot, and what is written.
const RUN_ID = "a".repeat(40);
const SCRIPT = withIncludes(`
local RUN_ID = '${RUN_ID}'
-- include: announce.lua
-- include: win-format.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'startsAt', 'endsAt', 'total', 'next')
-- include: sale-slots.lua
if not is_loaded then return { 'not loaded' } end
local dropped
freed, dropped = freed_slots(#ARGV, total)
left = left - dropped
local reply = {}
for _, user in ipairs(ARGV) do
  local request = 'request-' .. user
  -- include: grant-slot.lua
  reply[#reply + 1] = code .. (slot and ' ' .. slot or '')
end
-- include: save-grants.lua
return { tostring(left), tostring(version), unpack(reply) }`);

let server: RedisServer;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

async function sale(fields: Record<string, string> = {}, freed: readonly string[] = []): Promise<CouponId> {
  const couponId = newCouponId();
  const keys = saleKeys(couponId);
  const numbers = { epoch: "2", version: "7", total: "5", next: "0", startsAt: "0", endsAt: "9" };
  await redis.hset(keys.sale, { runId: RUN_ID, state: "OPEN", ...numbers, ...fields });
  if (freed.length > 0) await redis.rpush(keys.freed, ...freed);
  return couponId;
}

async function give(couponId: CouponId, ...users: string[]): Promise<string[]> {
  const { sale, winners, freed, ledger } = saleKeys(couponId);
  return (await redis.eval(SCRIPT, 4, sale, winners, freed, ledger, ...users)) as string[];
}

test("new slots follow the highest that was given out; winners, ledger entries and the highest slot are written", async () => {
  const couponId = await sale({ next: "2" });
  expect(await give(couponId, "ann", "bob")).toEqual(["1", "nil", "ACCEPTED 3", "ACCEPTED 4"]);
  const keys = saleKeys(couponId);
  expect(await redis.hgetall(keys.winners)).toEqual({ ann: "3 request-ann", bob: "4 request-bob" });
  expect(await redis.hget(keys.sale, "next")).toBe("4");
  const entries = (await redis.xrange(keys.ledger, "-", "+")).map(([, fields]) => fields);
  expect(entries).toEqual([
    ["u", "ann", "r", "request-ann", "s", "3", "e", "2"],
    ["u", "bob", "r", "request-bob", "s", "4", "e", "2"],
  ]);
});

test("freed slots go out first, leave the list, and do not move the highest slot", async () => {
  const couponId = await sale({ next: "4" }, ["2", "1"]);
  expect(await give(couponId, "ann", "bob", "cem")).toEqual(["0", "8", "ACCEPTED 2", "ACCEPTED 1", "ACCEPTED 5"]);
  expect(await redis.llen(saleKeys(couponId).freed)).toBe(0);
  expect(await redis.hget(saleKeys(couponId).sale, "next")).toBe("5");
});

test("what is no slot of the sale leaves the list of freed slots and is given to no user", async () => {
  const couponId = await sale({ next: "5" }, ["x", "3", "6", "0"]);
  expect(await give(couponId, "ann", "bob")).toEqual(["0", "8", "ACCEPTED 3", "SOLD_OUT"]);
  expect(await redis.llen(saleKeys(couponId).freed)).toBe(0);
});

test("the last slot raises the version and is announced once; no further slot is granted, and nothing more is written", async () => {
  const subscriber = createSubscriber(server.url, UNHURRIED);
  await whenReady(subscriber, 60_000);
  const heard: unknown[] = [];
  subscriber.on("message", (_, text: string) => heard.push(parseAnnouncement(text)));
  await subscriber.subscribe("sales");
  const couponId = await sale({ next: "4" });
  expect(await give(couponId, "ann", "bob")).toEqual(["0", "8", "ACCEPTED 5", "SOLD_OUT"]);
  expect(await give(couponId, "bob")).toEqual(["0", "nil", "SOLD_OUT"]);
  await until("it is heard", () => heard.length > 0);
  expect(heard).toEqual([{ couponId, epoch: 2, version: 8, state: "OPEN", soldOut: true }]);
  expect(await redis.xlen(saleKeys(couponId).ledger)).toBe(1);
  subscriber.disconnect();
});

test("a ledger that Redis refuses to write leaves no winner and takes no slot", async () => {
  const couponId = await sale();
  await redis.set(saleKeys(couponId).ledger, "no stream");
  expect(await give(couponId, "ann", "bob")).toEqual(["5", "nil", "OVERLOADED", "OVERLOADED"]);
  expect(await redis.exists(saleKeys(couponId).winners)).toBe(0);
  expect(await redis.hget(saleKeys(couponId).sale, "next")).toBe("0");
});

const UNREADABLE: Record<string, string>[] = [
  { runId: "b".repeat(40) },
  { epoch: "" },
  { epoch: "01" },
  { epoch: "2147483648" },
  { total: "many" },
  { next: "-1" },
  { next: "6" },
  { next: "1.5" },
];
for (const fields of UNREADABLE) {
  test(`a sale with ${JSON.stringify(fields)} gives out nothing`, async () => {
    expect(await give(await sale(fields), "ann")).toEqual(["not loaded"]);
  });
}
