import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { persistClaims } from "../../consumers/claims/persist/persist-claims.ts";
import { startRevocations } from "../../consumers/claims/relay/start-revocations.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { revokeClaim } from "../../db/claims/revoke.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { REVOCATIONS_CHANNEL, saleKeys } from "../../lua/keys.ts";
import { readSale, winnerOf } from "../../lua/sale-reading.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50" } });
}, WORLD_MS);
afterAll(() => world.close());

const start = (neighbours = world.neighbours) => startRevocations(neighbours, world.settling.scripts);
const revoke = ({ couponId, requestId }: GrantedClaim) =>
  revokeClaim(world.db.sql, { couponId, requestId, actor: "olga", why: "a test" }, null);
const revocation = async ({ requestId }: GrantedClaim) =>
  (await world.db.sql`SELECT slot, released_at, done_at FROM revocations WHERE request_id = ${requestId}`)[0];
const isDone = async (claim: GrantedClaim) => (await revocation(claim))?.done_at != null;

async function soldSale(total: number, ...users: string[]): Promise<{ sale: CouponId; claims: GrantedClaim[] }> {
  const sale = await world.newSale(total);
  await world.load(sale);
  const claims = await world.claim(sale, ...users);
  await world.settle(claims);
  return { sale, claims };
}

test("a revoked claim leaves Redis, its owner is told, and it is done; at once, when it is announced", async () => {
  const { sale, claims } = await soldSale(2, "ann", "bob");
  const slow = { ...world.neighbours, config: { ...world.config, RELAY_EVERY_MS: 60_000 } };
  const worker = start(slow);
  await Bun.sleep(200); // its first round is over
  expect(await revoke(claims[0]!)).toMatchObject({ code: "REVOKED", userId: "ann" });
  await until("it is subscribed", async () => (await world.redis.publish(REVOCATIONS_CHANNEL, "x")) > 0);
  await until("it is done", () => isDone(claims[0]!), 30_000); // long before its next round
  await worker.stop();
  expect(await winnerOf(world.redis, sale, claims[0]!.userId)).toBeNull();
  expect(await readSale(world.redis, sale)).toMatchObject({ freed: 1, left: 1, winners: 1 });
  const failed = world.events(sale).filter(({ type }) => type === "CouponIssueFailed");
  expect(failed).toMatchObject([{ userId: "ann", requestId: claims[0]!.requestId, reason: "REVOKED" }]);
  expect(await revocation(claims[0]!)).toMatchObject({ slot: claims[0]!.slot });
});

test("a win that is older than the sale's last rebuild is released under the present epoch", async () => {
  const { sale, claims } = await soldSale(2, "ann", "bob");
  await world.load(sale, 2);
  await revoke(claims[0]!);
  const worker = start();
  await until("it is done", () => isDone(claims[0]!));
  await worker.stop();
  expect(await readSale(world.redis, sale)).toMatchObject({ epoch: 2, freed: 1, winners: 1 });
});

test("while the sale is fenced the revocation waits, and is carried out when it is loaded again", async () => {
  const { sale, claims } = await soldSale(2, "ann", "bob");
  await world.loading.fence(sale, 2); // not noticed in PostgreSQL yet
  await revoke(claims[0]!);
  const worker = start();
  await Bun.sleep(300);
  expect(await revocation(claims[0]!)).toMatchObject({ released_at: null, done_at: null });
  await world.db.sql`UPDATE coupons SET load_state = 'RECOVERING', epoch = 2 WHERE id = ${sale}`;
  await Bun.sleep(200);
  expect(await isDone(claims[0]!)).toBe(false);
  await world.load(sale, 2);
  await until("it is done", () => isDone(claims[0]!));
  await worker.stop();
  // The rebuild took the slot back already; nothing was freed twice.
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 1, left: 1 });
  expect(await world.redis.hget(saleKeys(sale).status, claims[0]!.requestId)).toBe("FAILED REVOKED");
});

test("with Kafka away the slot is free at once, and the owner is told when it is back", async () => {
  const { sale, claims } = await soldSale(1, "ann");
  const producer = createBunKafka({ brokers: "127.0.0.1:1", clientId: "test" }).producer({ messageTimeoutMs: 1_000 });
  await revoke(claims[0]!);
  const cutOff = start({ ...world.neighbours, producer });
  await until("it is released", async () => (await revocation(claims[0]!))?.released_at != null);
  expect(await world.claim(sale, "bob")).toMatchObject([{ slot: 1 }]);
  await cutOff.stop();
  await producer.close(100);
  expect(await isDone(claims[0]!)).toBe(false);
  const worker = start();
  await until("it is done", () => isDone(claims[0]!));
  await worker.stop();
  expect(await winnerOf(world.redis, sale, "bob" as never)).toMatchObject({ slot: 1 });
  expect(world.events(sale).map(({ type }) => type)).toEqual(["CouponIssued", "CouponIssueFailed"]);
});

test("every name of a claim is taken back with it, and none of them is ever persisted again", async () => {
  const { sale, claims } = await soldSale(5, "ann");
  // Redis forgot ann's win and granted another one.
  await world.redis.hdel(saleKeys(sale).winners, "ann");
  const [second] = await world.claim(sale, "ann");
  expect(await persistClaims(world.db.sql, [second!])).toMatchObject([{ code: "ALIASED" }]);
  // The settling process stops here, before it has repaired Redis; an operator revokes by the second name.
  expect(await revoke(second!)).toMatchObject({ code: "REVOKED", requestId: claims[0]!.requestId });
  const worker = start();
  await until("it is done", () => isDone(claims[0]!));
  await worker.stop();
  expect(await winnerOf(world.redis, sale, "ann" as never)).toBeNull();
  await world.settle([second!]); // what was interrupted goes on
  await world.settle(claims);
  expect((await world.rows(sale)).map(({ status }) => status)).toEqual(["REVOKED", "REVOKED"]);
  expect(await winnerOf(world.redis, sale, "ann" as never)).toBeNull();
  expect(new Set(await world.redis.hvals(saleKeys(sale).status))).toEqual(new Set(["FAILED REVOKED"]));
  const told = world.events(sale).filter(({ type }) => type === "CouponIssueFailed");
  expect(new Set(told.map(({ requestId }) => requestId))).toEqual(new Set([claims[0]!.requestId, second!.requestId]));
});

test("a slot that PostgreSQL holds for another user does not go out again", async () => {
  const { sale, claims } = await soldSale(3, "ann", "bob");
  // Redis lies: ann's entry stands at bob's slot.
  await world.redis.hset(saleKeys(sale).winners, "ann", `2 ${claims[0]!.requestId}`);
  await revoke(claims[0]!);
  const worker = start();
  await until("it is done", () => isDone(claims[0]!));
  await worker.stop();
  expect(await readSale(world.redis, sale)).toMatchObject({ freed: 0, winners: 1 });
});

test("a claim that is revoked between its row and its announcement ends told FAILED", async () => {
  const sale = await world.newSale(1);
  await world.load(sale);
  const claims = await world.claim(sale, "ann");
  const worker = start();
  // Settling stops between PostgreSQL's commit and the news of it, until the revocation is done.
  const slow = {
    ...world.settling,
    producer: {
      async sendAll(records: Parameters<typeof world.producer.sendAll>[0]) {
        await revoke(claims[0]!);
        await until("the revocation is done", () => isDone(claims[0]!));
        await world.producer.sendAll(records);
      },
    },
  };
  const { settleClaims } = await import("../../consumers/claims/persist/settle-claims.ts");
  await settleClaims(slow, claims);
  await worker.stop();
  expect(await world.redis.hvals(saleKeys(sale).status)).toEqual(["FAILED REVOKED"]);
  const words = ["CouponIssueFailed", "CouponIssued", "CouponIssueFailed"];
  expect(world.events(sale).map(({ type }) => type)).toEqual(words);
  expect(await world.redis.xlen(saleKeys(sale).ledger)).toBe(1); // for the relay, who says it once more
  await world.settle(claims);
  expect(await world.redis.xlen(saleKeys(sale).ledger)).toBe(0);
  expect(world.events(sale).map(({ type }) => type)).toEqual([...words, "CouponIssueFailed"]);
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 0, left: 1, freed: 1 });
});

test("a settler that stood still until the claim was settled by another and revoked: its news is not the last word", async () => {
  const sale = await world.newSale(1);
  await world.load(sale);
  const claims = await world.claim(sale, "ann");
  const worker = start();
  const late = {
    ...world.settling,
    producer: {
      async sendAll(records: Parameters<typeof world.producer.sendAll>[0]) {
        if (world.events(sale).length === 0) {
          await world.settle(claims); // nothing is left in the ledger
          await revoke(claims[0]!);
          await until("the revocation is done", () => isDone(claims[0]!));
        }
        await world.producer.sendAll(records);
      },
    },
  };
  const { settleClaims } = await import("../../consumers/claims/persist/settle-claims.ts");
  expect(await settleClaims(late, claims)).toMatchObject({ settled: 1, deferred: [] });
  await worker.stop();
  expect(world.events(sale).map(({ type }) => type)).toEqual([
    "CouponIssued",
    "CouponIssueFailed",
    "CouponIssued",
    "CouponIssueFailed",
  ]);
  expect(world.events(sale).at(-1)).toMatchObject({ userId: "ann", reason: "REVOKED" });
  expect(await world.redis.hvals(saleKeys(sale).status)).toEqual(["FAILED REVOKED"]);
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 0, left: 1, freed: 1 });
});

test("two workers carry out a thousand revocations, each of them once", async () => {
  const users = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
  const { sale, claims } = await soldSale(1_000, ...users);
  for (let at = 0; at < claims.length; at += 20) await Promise.all(claims.slice(at, at + 20).map(revoke));
  const workers = [start(), start()];
  await until("all are done", async () => {
    const [row] = await world.db
      .sql`SELECT count(*)::integer AS n FROM revocations WHERE coupon_id = ${sale} AND done_at IS NULL`;
    return row!.n === 0;
  });
  await Promise.all(workers.map((worker) => worker.stop()));
  const failed = world.events(sale).filter(({ type }) => type === "CouponIssueFailed");
  expect(failed).toHaveLength(1_000);
  expect(new Set(failed.map(({ eventId }) => eventId)).size).toBe(1_000);
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 0, left: 1_000, freed: 1_000 });
}, 180_000);
