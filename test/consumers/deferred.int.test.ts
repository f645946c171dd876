import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { persistClaims } from "../../consumers/claims/persist/persist-claims.ts";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { persistLedger } from "../../consumers/sales/persist-ledger.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { deferClaims, deferredClaimsAfter, salesWithDeferredClaims } from "../../db/claims/deferred.ts";
import { findRequest } from "../../db/claims/find.ts";
import { revokeClaim } from "../../db/claims/revoke.ts";
import { saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

// Claims that cannot be decided now wait in PostgreSQL, not in a hand of role coupon-persist and not in the log.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50" } });
}, WORLD_MS);
afterAll(() => world.close());

const deferred = (sale: CouponId) =>
  world.db.sql<{ request_id: string; attempts: number }[]>`
    SELECT request_id, attempts FROM deferred_claims WHERE coupon_id = ${sale} ORDER BY request_id`;
const recordOf = (topic: string, claim: GrantedClaim) => ({
  topic,
  value: JSON.stringify({ type: "CouponClaimed", eventId: claim.requestId, data: claim }),
});
const setState = async (sale: CouponId, state: "OPEN" | "PAUSED") => {
  await world.db.sql`UPDATE coupons SET state = ${state} WHERE id = ${sale}`;
  await world.settling.scripts.setState(sale, state);
};

/** Claims of before a rebuild that Redis forgot, of a sale that is paused: they cannot be decided again. */
async function undecidable(...users: string[]): Promise<GrantedClaim[]> {
  const sale = await world.newSale(100);
  await world.load(sale);
  const claims = await world.claim(sale, ...users);
  await world.load(sale, 2);
  await setState(sale, "PAUSED");
  return claims;
}

test("claims of a paused sale hold no hand and don't go round in the log; once it is open they are settled", async () => {
  const topic = await world.newTopic(1);
  const paused = await undecidable("ann", "bob", "cem");
  const sale = paused[0]!.couponId;
  const other = await world.newSale(100);
  await world.load(other);
  const claims = await world.claim(other, ...Array.from({ length: 50 }, (_, i) => `user-${i}`));
  world.run({ ...world.persistRole(), maxBatch: 1 }, topic);
  await world.rawProducer.sendAll([...paused, ...claims].map((claim) => recordOf(topic, claim)));
  await until("the log is read", async () => (await world.lag(topic)) === 0);
  expect(await world.rows(other)).toHaveLength(50);
  const ends = await world.admin.endOffsets(topic);
  expect(ends.reduce((sum, { offset }) => sum + offset, 0)).toBe(53); // nothing was put back
  expect((await deferred(sale)).map(({ request_id }) => request_id)).toEqual(
    paused.map(({ requestId }) => requestId as string).sort(),
  );
  expect(await findRequest(world.db.sql, paused[0]!.requestId, "ann")).toMatchObject({ status: "PENDING" });

  const relay = startRelay(world.neighbours);
  await until("each had its try", async () => (await deferred(sale)).every(({ attempts }) => attempts === 1));
  await Bun.sleep(1_000); // long after the first pause: a paused sale's claims rest
  expect((await deferred(sale)).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  await setState(sale, "OPEN");
  await until("they are settled", async () => (await deferred(sale)).length === 0);
  await relay.stop(1_000);
  expect(await world.rows(sale)).toHaveLength(3);
  const told = world.events(sale);
  expect(new Set(told.map(({ type }) => type))).toEqual(new Set(["CouponIssued"]));
  expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(3); // their ledger entries may tell it once more
});

test("a paused sale's claims in the ledger are not tried with every round of the relay", async () => {
  const claims = await undecidable("ann", "bob");
  const sale = claims[0]!.couponId;
  const relay = startRelay(world.neighbours);
  const tries = () => world.lines.filter(({ fields }) => fields.couponId === sale && fields.deferred === 2).length;
  await until("they are tried", () => tries() > 0);
  await Bun.sleep(1_000); // twenty rounds
  expect(tries()).toBe(1);
  await relay.stop(1_000);
});

test("of a claim that is deferred twice the later decision counts, and an older one changes nothing", async () => {
  const sale = await world.newSale(5);
  const claim = world.forged(sale, "ann", 1, 1);
  const slot = async () => (await deferredClaimsAfter(world.db.sql, sale, "", 10)).map((one) => [one.slot, one.epoch]);
  await deferClaims(world.db.sql, [claim]);
  await deferClaims(world.db.sql, [{ ...claim, slot: 3_000_000_000, epoch: 2 }]);
  expect(await slot()).toEqual([[3_000_000_000, 2]]);
  await deferClaims(world.db.sql, [claim]);
  expect(await slot()).toEqual([[3_000_000_000, 2]]);
});

test("a recovery persists deferred claims before its snapshot, so they keep their slots", async () => {
  const claims = await undecidable("ann", "bob");
  const sale = claims[0]!.couponId;
  await deferClaims(world.db.sql, claims);
  await world.db.sql`UPDATE coupons SET load_state = 'RECOVERING', epoch = 3 WHERE id = ${sale}`;
  const persisted = await persistLedger(
    async (id, range) => ({ ...(await readLedger(world.redis, id, range)), entries: [] }),
    (some) => persistClaims(world.db.sql, some),
    async (id, after, count) => (await deferredClaimsAfter(world.db.sql, id, after, count)) as readonly GrantedClaim[],
    sale,
  );
  expect(persisted).toEqual({ held: 2, entries: 2, refused: 0 });
  expect((await world.rows(sale)).map(({ user_id, slot }) => [user_id, slot])).toEqual([
    ["ann", 1],
    ["bob", 2],
  ]);
});

test("an operator can revoke a deferred claim; it is told FAILED", async () => {
  const [claim] = (await undecidable("ann")) as [GrantedClaim];
  const { couponId, requestId } = claim;
  await deferClaims(world.db.sql, [claim]);
  const wish = { couponId, requestId, actor: "test", why: "test" };
  expect(await revokeClaim(world.db.sql, wish, null)).toEqual({ code: "REVOKED", requestId, userId: "ann" });
  const relay = startRelay(world.neighbours);
  await until("it is settled", async () => (await deferred(couponId)).length === 0);
  await until("it is told", () => world.events(couponId).length > 0);
  await relay.stop(1_000);
  expect(new Set(world.events(couponId).map(({ type }) => type))).toEqual(new Set(["CouponIssueFailed"]));
});

test("claims of a sale that left Redis for good come to an end: a tombstone is told, one of an old epoch is given up", async () => {
  const [old, buried] = (await undecidable("ann", "bob")) as [GrantedClaim, GrantedClaim];
  const sale = old.couponId;
  await world.settling.scripts.setState(sale, "OPEN");
  const { couponId, requestId } = buried;
  await deferClaims(world.db.sql, [old, buried]);
  const wish = { couponId, requestId, actor: "test", why: "test" };
  expect((await revokeClaim(world.db.sql, wish, null)).code).toBe("REVOKED");
  const at = new Date(Date.now() - 7_200_000);
  await world.db.sql`
    UPDATE coupons SET state = 'OPEN', starts_at = ${new Date(at.getTime() - 1_000)}, ends_at = ${at}, left_redis_at = now() WHERE id = ${sale}`;
  await world.redis.del(...Object.values(saleKeys(sale)));
  const relay = startRelay(world.neighbours);
  await until("they are settled", async () => (await deferred(sale)).length === 0);
  await relay.stop(1_000);
  const told = new Map(world.events(sale).map(({ type, requestId, reason }) => [requestId, [type, reason]]));
  expect(told.get(old.requestId)).toEqual(["CouponIssueFailed", "ENDED"]);
  expect(told.get(buried.requestId)).toEqual(["CouponIssueFailed", "REVOKED"]);
  expect(await findRequest(world.db.sql, old.requestId, "ann")).toMatchObject({ status: "FAILED", reason: "ENDED" });
});

test("a hundred thousand claims of a paused sale are passed by for the price of one", async () => {
  const [sale, other] = [await world.newSale(10), await world.newSale(10)];
  await world.load(sale);
  await world.load(other);
  await setState(sale, "PAUSED");
  await world.db.sql`
    INSERT INTO deferred_claims (request_id, coupon_id, user_id, slot, epoch, ledger_id, attempts, due_at)
    SELECT ${sale} || '-' || lpad(n::text, 18, '0'), ${sale}, 'user-' || n, n, 1, '0-0', 1, now() - interval '1 hour'
    FROM generate_series(1, 100000) n`;
  await deferClaims(world.db.sql, [world.forged(other, "ann", 1)]);
  await world.db.sql`ANALYZE deferred_claims`;
  await until("the other one is due", async () => (await salesWithDeferredClaims(world.db.sql)).includes(other));
  expect(await salesWithDeferredClaims(world.db.sql)).not.toContain(sale);
  // Live rows that scans and index look-ups fetched, of one backend that reports at once.
  const touched = await world.db.sql.begin(async (tx) => {
    const fetched = async () => {
      const [row] = await tx<{ n: number }[]>`
        SELECT coalesce(pg_stat_get_xact_tuples_returned('deferred_claims'::regclass), 0)::int
             + coalesce((SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index
                         WHERE indrelid = 'deferred_claims'::regclass), 0)::int AS n`;
      return row!.n;
    };
    const before = await fetched();
    await salesWithDeferredClaims(tx);
    return (await fetched()) - before;
  });
  expect(touched).toBeGreaterThan(0);
  expect(touched).toBeLessThan(50);
  await world.db.sql`DELETE FROM deferred_claims WHERE coupon_id IN ${world.db.sql([sale, other])}`;
});
