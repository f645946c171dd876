import { afterAll, beforeAll, expect, test } from "bun:test";
import { saleKeys } from "../../lua/keys.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

async function loadedSale(total: number) {
  const couponId = await world.newSale(total);
  await world.load(couponId);
  return couponId;
}
const ledger = (couponId: never) => world.redis.xlen(saleKeys(couponId).ledger);
const winner = (couponId: never, user: string) => world.redis.hget(saleKeys(couponId).winners, user);

test("claims are persisted once, announced, acknowledged and taken out of the ledger", async () => {
  const sale = await loadedSale(10);
  const claims = await world.claim(sale, "ann", "bob");
  expect(await world.settle(claims)).toEqual({ settled: 2, deferred: [], unknown: [], unacknowledged: 0 });
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "ann", slot: 1, status: "ACTIVE", request_id: claims[0]!.requestId },
    { user_id: "bob", slot: 2, status: "ACTIVE", request_id: claims[1]!.requestId },
  ]);
  expect(world.events(sale)).toMatchObject([
    { type: "CouponIssued", userId: "ann", slot: 1 },
    { type: "CouponIssued", userId: "bob", slot: 2 },
  ]);
  expect(await ledger(sale as never)).toBe(0);
  expect(await world.redis.hget(saleKeys(sale).status, claims[0]!.requestId)).toBe("ISSUED 1");
});

test("a redelivery persists nothing twice and repeats the same event", async () => {
  const sale = await loadedSale(10);
  const claims = await world.claim(sale, "ann");
  await world.settle([...claims, ...claims]);
  await world.settle(claims);
  expect(await world.rows(sale)).toHaveLength(1);
  const events = world.events(sale);
  expect(events).toHaveLength(2);
  expect(events[0]).toEqual(events[1]);
});

test("the same user under another request is an alias: the old win stands, the new slot goes out again", async () => {
  const sale = await loadedSale(3);
  const [first] = await world.claim(sale, "ann");
  await world.settle([first!]);
  await world.redis.hdel(saleKeys(sale).winners, "ann"); // Redis forgets
  const [second] = await world.claim(sale, "ann");
  expect(second!.slot).toBe(2);
  expect(await world.settle([second!])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(sale)).toHaveLength(1);
  expect(await winner(sale as never, "ann")).toBe(`1 ${first!.requestId}`);
  expect(await readSale(world.redis, sale)).toMatchObject({ freed: 1, left: 2 });
  const [alias] = await world.db.sql`SELECT * FROM request_aliases WHERE request_id = ${second!.requestId}`;
  expect(alias).toMatchObject({ original_request_id: first!.requestId, user_id: "ann" });
  expect(world.events(sale).at(-1)).toMatchObject({ type: "CouponIssued", requestId: second!.requestId, slot: 1 });

  // Once more: nothing is freed twice.
  await world.settle([second!]);
  expect(await readSale(world.redis, sale)).toMatchObject({ freed: 1, left: 2 });
});

test("an alias whose new slot PostgreSQL holds for another user never frees that slot", async () => {
  const sale = await loadedSale(3);
  const [ann] = await world.claim(sale, "ann");
  await world.settle([ann!, world.forged(sale, "bob", 2)]); // bob holds slot 2 and Redis does not know it
  await world.redis.hdel(saleKeys(sale).winners, "ann");
  const [again] = await world.claim(sale, "ann");
  expect(again!.slot).toBe(2);
  await world.settle([again!]);
  expect(await readSale(world.redis, sale)).toMatchObject({ freed: 0 });
  expect(await winner(sale as never, "ann")).toBe(`1 ${ann!.requestId}`);
});

test("two requests of one user in one batch end as one coupon and one alias", async () => {
  const sale = await loadedSale(5);
  const twice = [world.forged(sale, "ann", 1), world.forged(sale, "ann", 2)];
  expect(await world.settle(twice)).toMatchObject({ settled: 2, deferred: [] });
  expect(await world.rows(sale)).toHaveLength(1);
  expect(await world.db.sql`SELECT 1 FROM request_aliases WHERE coupon_id = ${sale}`).toHaveLength(1);
});

test("a slot that another user holds raises the fence and defers the claim, and its slot is never freed", async () => {
  const sale = await loadedSale(5);
  await world.settle(await world.claim(sale, "ann"));
  const lying = world.forged(sale, "eve", 1);
  expect(await world.settle([lying])).toEqual({ settled: 0, deferred: [lying], unknown: [], unacknowledged: 0 });
  const [row] = await world.db.sql`SELECT epoch, load_state FROM coupons WHERE id = ${sale}`;
  expect(row).toEqual({ epoch: 2, load_state: "RECOVERING" });
  const audit = await world.db.sql`SELECT action FROM audit_log WHERE target = ${sale} AND action = 'sale.fenced'`;
  expect(audit).toHaveLength(1);
  expect(await world.settle([lying])).toMatchObject({ deferred: [lying] }); // while RECOVERING it neither blocks nor raises again
  expect((await world.db.sql`SELECT epoch FROM coupons WHERE id = ${sale}`)[0]!.epoch).toBe(2);

  await world.load(sale, 2); // rebuilt: ann keeps 1, and eve's claim of the old epoch is decided again
  expect(await world.settle([lying])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "ann", slot: 1 },
    { user_id: "eve", slot: 2, request_id: lying.requestId },
  ]);
  expect(await winner(sale as never, "eve")).toBe(`2 ${lying.requestId}`);
});

test("a slot beyond the total is no coupon; decided again after the rebuild it becomes one within it", async () => {
  const sale = await loadedSale(2);
  const beyond = world.forged(sale, "eve", 7);
  const absurd = world.forged(sale, "mad", 99_999_999_999);
  expect((await world.settle([beyond, absurd])).deferred).toHaveLength(2);
  expect(await world.rows(sale)).toHaveLength(0);
  expect((await world.db.sql`SELECT load_state FROM coupons WHERE id = ${sale}`)[0]!.load_state).toBe("RECOVERING");
  await world.load(sale, 2);
  expect(await world.settle([beyond, absurd])).toMatchObject({ settled: 2 });
  expect((await world.rows(sale)).map(({ slot }) => slot)).toEqual([1, 2]);
});

test("a claim with a slot that cannot be used is no coupon; decided again after the rebuild it is one", async () => {
  const sale = await loadedSale(3);
  const unusable = world.forged(sale, "ann", 0);
  const strange = world.forged(sale, "bob", 2, 0);
  expect(await world.settle([unusable, strange])).toMatchObject({ settled: 1, deferred: [unusable] });
  expect((await world.db.sql`SELECT load_state FROM coupons WHERE id = ${sale}`)[0]!.load_state).toBe("RECOVERING");
  await world.load(sale, 2);
  expect(await world.settle([unusable])).toMatchObject({ settled: 1 });
  expect((await world.rows(sale)).map(({ user_id, slot }) => [user_id, slot])).toEqual([
    ["bob", 1],
    ["ann", 2],
  ]);
});

test("during a recovery claims of the old epoch are inserted as they stand", async () => {
  const sale = await loadedSale(5);
  const claims = await world.claim(sale, "ann", "bob");
  await world.db.sql`UPDATE coupons SET epoch = 2, load_state = 'RECOVERING' WHERE id = ${sale}`;
  expect(await world.settle(claims)).toMatchObject({ settled: 2 });
  expect((await world.rows(sale)).map(({ slot }) => slot)).toEqual([1, 2]);
});

test("while winners are being read nothing is inserted, and the claim waits", async () => {
  const sale = await loadedSale(5);
  const claims = await world.claim(sale, "ann");
  await world.db.sql`UPDATE coupons SET load_state = 'LOADING' WHERE id = ${sale}`;
  expect(await world.settle(claims)).toMatchObject({ settled: 0, deferred: claims });
  expect(await world.rows(sale)).toHaveLength(0);
  const settled = world.settle(claims); // the load ends while it tries
  await Bun.sleep(30);
  await world.db.sql`UPDATE coupons SET load_state = 'LOADED' WHERE id = ${sale}`;
  expect(await settled).toMatchObject({ settled: 1, deferred: [] });
});

test("after a rebuild an old claim gets a new slot, and both ledger entries go", async () => {
  const sale = await loadedSale(5);
  const [old] = await world.claim(sale, "ann");
  await world.load(sale, 2); // the rebuild did not see it (its gateway slept); the ledger survived
  await world.settle(await world.claim(sale, "bob"));
  expect(await ledger(sale as never)).toBe(1);
  expect(await world.settle([old!])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "bob", slot: 1 },
    { user_id: "ann", slot: 2, request_id: old!.requestId },
  ]);
  expect(await ledger(sale as never)).toBe(0);
});

test("an old claim was in time, although the sale has ended since: it is decided again and persisted", async () => {
  const sale = await loadedSale(5);
  const [old] = await world.claim(sale, "ann");
  await world.db.sql`UPDATE coupons SET ends_at = now() - interval '1 second' WHERE id = ${sale}`;
  await world.load(sale, 2); // the rebuild did not see it
  expect(await world.settle([old!])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "ann", slot: 1, status: "ACTIVE", request_id: old!.requestId },
  ]);
  expect(world.events(sale)).toMatchObject([{ type: "CouponIssued", userId: "ann", slot: 1 }]);
});

test("an old claim that finds the sale sold out is given up: tombstone first, then FAILED", async () => {
  const sale = await loadedSale(1);
  const [old] = await world.claim(sale, "ann");
  await world.load(sale, 2);
  const [bob] = await world.claim(sale, "bob");
  expect(await world.settle([old!])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "ann", slot: null, status: "REVOKED", reason: "SOLD_OUT", request_id: old!.requestId },
  ]);
  expect(world.events(sale)).toMatchObject([{ type: "CouponIssueFailed", userId: "ann", reason: "SOLD_OUT" }]);
  expect(await world.redis.hget(saleKeys(sale).status, old!.requestId)).toBe("FAILED SOLD_OUT");
  expect(await winner(sale as never, "bob")).toBe(`1 ${bob!.requestId}`);

  // Told FAILED once, never persisted afterwards, however often it comes back.
  expect(await world.settle([old!])).toMatchObject({ settled: 1 });
  expect(await world.rows(sale)).toHaveLength(1);
  expect(world.events(sale).map(({ type }) => type)).toEqual(["CouponIssueFailed", "CouponIssueFailed"]);
});

test("a claim that was given up is released again when it is granted once more", async () => {
  const sale = await loadedSale(2);
  const [claim] = await world.claim(sale, "ann");
  await world.db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, request_id, epoch, reason, status)
    VALUES (${sale}, 'ann', ${claim!.requestId}, 1, 'ENDED', 'REVOKED')`;
  expect(await world.settle([claim!])).toMatchObject({ settled: 1 });
  expect(await winner(sale as never, "ann")).toBeNull();
  expect(await readSale(world.redis, sale)).toMatchObject({ left: 2, freed: 1 });
  expect(await ledger(sale as never)).toBe(0);
  expect(world.events(sale)).toMatchObject([{ type: "CouponIssueFailed", reason: "ENDED" }]);
});

test("a claim of an unknown sale is neither persisted nor given up", async () => {
  const stranger = world.forged("zzzzzzzzzzzz" as never, "ann", 1);
  expect(await world.settle([stranger])).toEqual({ settled: 0, deferred: [], unknown: [stranger], unacknowledged: 0 });
  expect(world.events("zzzzzzzzzzzz" as never)).toEqual([]);
});

test("without Redis the claim is settled and its ledger entry stays for the relay", async () => {
  const sale = await loadedSale(5);
  const claims = await world.claim(sale, "ann");
  await world.redis.script("FLUSH"); // as after a restart: the sale's scripts are gone
  expect(await world.settle(claims)).toMatchObject({ settled: 1, deferred: [], unacknowledged: 1 });
  expect(await ledger(sale as never)).toBe(1);
  await world.load(sale, 2);
  expect(await world.settle(claims)).toMatchObject({ settled: 1 });
  expect(await ledger(sale as never)).toBe(0);
});

test("many claims settled by four at once, each batch twice, end as one row each", async () => {
  const sale = await loadedSale(2_000);
  const claims = await world.claim(sale, ...Array.from({ length: 1_000 }, (_, i) => `user-${i}`));
  const batches = Array.from({ length: 10 }, (_, i) => claims.slice(i * 100, i * 100 + 100));
  const shuffled = [...batches, ...batches].sort(() => Math.random() - 0.5);
  const hand = async () => {
    for (let batch = shuffled.pop(); batch !== undefined; batch = shuffled.pop()) await world.settle(batch);
  };
  await Promise.all([hand(), hand(), hand(), hand()]);
  const rows = await world.rows(sale);
  expect(rows).toHaveLength(1_000);
  expect(new Set(rows.map(({ slot }) => slot)).size).toBe(1_000);
  expect(await ledger(sale as never)).toBe(0);
});
