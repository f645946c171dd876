import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { type Settling, settleClaims } from "../../consumers/claims/persist/settle-claims.ts";
import { startRevocations } from "../../consumers/claims/relay/start-revocations.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { revokeClaim } from "../../db/claims/revoke.ts";
import { saleKeys } from "../../lua/keys.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

// Every insert stops behind its row, still uncommitted, while a test holds the lock of its kind.
const PAUSES = 7_001;
const ROW = 1;
const TOMBSTONE = 2;
const ALIAS = 3;

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50" } });
  await world.db.sql.unsafe(`
    CREATE FUNCTION pause_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(${PAUSES}, CASE NEW.status WHEN 'REVOKED' THEN ${TOMBSTONE} ELSE ${ROW} END);
      RETURN NULL;
    END $$;
    CREATE TRIGGER pause_here AFTER INSERT ON user_coupons FOR EACH ROW EXECUTE FUNCTION pause_here();
    CREATE FUNCTION pause_alias() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(${PAUSES}, ${ALIAS});
      RETURN NULL;
    END $$;
    CREATE TRIGGER pause_alias AFTER INSERT ON request_aliases FOR EACH ROW EXECUTE FUNCTION pause_alias()`);
}, WORLD_MS);
afterAll(() => world.close());

/** Backends that wait for a lock, as PostgreSQL sees them. */
const waiting = async (): Promise<number[]> => {
  const rows = await world.db.sql`
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`;
  return rows.map(({ pid }) => pid);
};

/** Holds the lock of a kind of row until what is returned is called. */
async function pausing(kind: number): Promise<() => Promise<void>> {
  const connection = await world.db.sql.reserve();
  await connection`SELECT pg_advisory_lock(${PAUSES}, ${kind})`;
  return async () => {
    await connection`SELECT pg_advisory_unlock(${PAUSES}, ${kind})`;
    connection.release();
  };
}

const setLoad = (couponId: CouponId, state: "LOADED" | "RECOVERING", epoch: number) =>
  world.db.sql`UPDATE coupons SET load_state = ${state}, epoch = ${epoch} WHERE id = ${couponId}`;
const isTold = (claim: GrantedClaim, type: "CouponIssued" | "CouponIssueFailed") =>
  expect(new Set(told(claim))).toEqual(new Set([type]));
const told = ({ couponId, requestId }: GrantedClaim): string[] =>
  world
    .events(couponId)
    .filter((event) => event.requestId === requestId)
    .map(({ type }) => type);
const statusOf = ({ couponId, requestId }: GrantedClaim) => world.redis.hget(saleKeys(couponId).status, requestId);

/** Claims that a rebuild did not see, of a sale that ended meanwhile: deciding them again ends in giving them up. */
async function hopeless(...users: string[]): Promise<GrantedClaim[]> {
  const couponId = await world.newSale(users.length);
  await world.load(couponId);
  const claims = await world.claim(couponId, ...users);
  await world.load(couponId, 2);
  await world.settling.scripts.setState(couponId, "CLOSED");
  return claims;
}

let claim: GrantedClaim;
let mayBury: PromiseWithResolvers<void>;
let givingUp: ReturnType<typeof settleClaims>;

beforeEach(async () => {
  [claim] = (await hopeless("ann")) as [GrantedClaim];
  mayBury = Promise.withResolvers();
  const refused = Promise.withResolvers<void>();
  const scripts: Settling["scripts"] = {
    ...world.settling.scripts,
    async claim(...asked) {
      const batch = await world.settling.scripts.claim(...asked);
      refused.resolve();
      await mayBury.promise;
      return batch;
    },
  };
  givingUp = settleClaims({ ...world.settling, scripts }, [claim]);
  givingUp.catch(() => {});
  await refused.promise;
  // A fence is raised: now another delivery of the same claim is inserted as it stands.
  await setLoad(claim.couponId, "RECOVERING", 3);
});

test("the row first, its commit pending: who gives up waits for it, and then it is a coupon for both", async () => {
  const goOn = await pausing(ROW);
  const inserting = world.settle([claim]);
  await until("the row is in, uncommitted", async () => (await waiting()).length === 1);
  mayBury.resolve();
  await until("the tombstone waits for it", async () => (await waiting()).length === 2);
  await goOn();
  expect(await inserting).toMatchObject({ settled: 1, deferred: [] });
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([{ status: "ACTIVE", slot: 1, request_id: claim.requestId }]);
  isTold(claim, "CouponIssued");
  expect(await statusOf(claim)).toBe("ISSUED 1");
});

/** The user's first win, which Redis has forgotten: it makes the claim another name of it. */
async function persistFirstWin(): Promise<GrantedClaim> {
  const first = world.forged(claim.couponId, "ann", 1);
  expect(await world.settle([first])).toMatchObject({ settled: 1 });
  return first;
}

test("the alias first: the claim is another name of a coupon, told ISSUED, and giving it up comes to the same", async () => {
  const first = await persistFirstWin();
  expect(await world.settle([claim])).toMatchObject({ settled: 1, deferred: [] });
  mayBury.resolve();
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([{ status: "ACTIVE", request_id: first.requestId }]);
  isTold(claim, "CouponIssued");
  expect(await statusOf(claim)).toBe("ISSUED 1");
});

test("the alias first, its commit pending: giving up waits for it, and no user is told FAILED", async () => {
  const first = await persistFirstWin();
  const goOn = await pausing(ALIAS);
  const inserting = world.settle([claim]);
  await until("the alias is in, uncommitted", async () => (await waiting()).length === 1);
  mayBury.resolve();
  await until("the tombstone waits for it", async () => (await waiting()).length === 2);
  await goOn();
  expect(await inserting).toMatchObject({ settled: 1, deferred: [] });
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([{ status: "ACTIVE", request_id: first.requestId }]);
  isTold(claim, "CouponIssued");
});

test("the tombstone first, its commit pending: the alias waits for it, is not made, and no user is told ISSUED", async () => {
  await persistFirstWin();
  const goOn = await pausing(TOMBSTONE);
  mayBury.resolve();
  await until("the tombstone is in, uncommitted", async () => (await waiting()).length === 1);
  const inserting = world.settle([claim]);
  await until("the batch waits for it", async () => (await waiting()).length === 2);
  await goOn();
  expect(await inserting).toMatchObject({ settled: 1, deferred: [] });
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  isTold(claim, "CouponIssueFailed");
  expect(await world.db.sql`SELECT FROM request_aliases WHERE request_id = ${claim.requestId}`).toHaveLength(0);
});

test("the tombstone first, its commit pending: a batch with the claim waits for it, and then the claim has failed for both", async () => {
  const goOn = await pausing(TOMBSTONE);
  mayBury.resolve();
  await until("the tombstone is in, uncommitted", async () => (await waiting()).length === 1);
  const inserting = world.settle([claim]);
  await until("the batch waits for it", async () => (await waiting()).length === 2);
  await goOn();
  expect(await inserting).toMatchObject({ settled: 1, deferred: [] });
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([
    { status: "REVOKED", slot: null, reason: "ENDED", request_id: claim.requestId },
  ]);
  isTold(claim, "CouponIssueFailed");
  expect(await statusOf(claim)).toBe("FAILED ENDED");
});

test("the row first, and its connection dies: the tombstone that waited stands, and the repeated insert meets it", async () => {
  const goOn = await pausing(ROW);
  const inserting = world.settle([claim]);
  inserting.catch(() => {});
  const [inserter] = await untilWaiting(1);
  mayBury.resolve();
  await untilWaiting(2);
  await world.db.sql`SELECT pg_terminate_backend(${inserter!})`;
  await expect(inserting).rejects.toThrow();
  await goOn();
  expect(await givingUp).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.settle([claim])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([{ status: "REVOKED", slot: null }]);
  isTold(claim, "CouponIssueFailed");
});

test("the tombstone first, and its connection dies: the row that waited stands, and giving up again finds a coupon", async () => {
  const goOn = await pausing(TOMBSTONE);
  mayBury.resolve();
  const [burier] = await untilWaiting(1);
  const inserting = world.settle([claim]);
  await untilWaiting(2);
  await world.db.sql`SELECT pg_terminate_backend(${burier!})`;
  await expect(givingUp).rejects.toThrow();
  await goOn();
  expect(await inserting).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.settle([claim])).toMatchObject({ settled: 1, deferred: [] });
  expect(await world.rows(claim.couponId)).toMatchObject([{ status: "ACTIVE", slot: 1 }]);
  isTold(claim, "CouponIssued");
});

async function untilWaiting(backends: number): Promise<number[]> {
  let pids: number[] = [];
  await until(`${backends} wait`, async () => {
    pids = await waiting();
    return pids.length === backends;
  });
  return pids;
}

test("many claims given up and inserted by four at once, while the sale is fenced and loaded: one row each, and one word", async () => {
  mayBury.resolve();
  await givingUp;
  const claims = await hopeless(...Array.from({ length: 400 }, (_, i) => `user-${i}`));
  const { couponId } = claims[0]!;
  let settling = true;
  const flipping = (async () => {
    for (let epoch = 2; settling; epoch++) {
      await setLoad(couponId, epoch % 2 === 0 ? "LOADED" : "RECOVERING", epoch);
      await Bun.sleep(Math.random() * 10);
    }
  })();
  const deliveries = [...claims, ...claims, ...claims].sort(() => Math.random() - 0.5);
  const open = new Map(claims.map((one) => [one.requestId, one]));
  const hand = async () => {
    for (let batch = deliveries.splice(0, 5); batch.length > 0; batch = deliveries.splice(0, 5)) {
      const { deferred } = await world.settle(batch);
      for (const one of batch) if (!deferred.includes(one)) open.delete(one.requestId);
      deliveries.push(...deferred);
    }
  };
  await Promise.all([hand(), hand(), hand(), hand()]);
  settling = false;
  await flipping;
  expect([...open.values()]).toEqual([]);

  const rows = new Map((await world.rows(couponId)).map((row) => [row.request_id, row]));
  expect(rows.size).toBe(claims.length);
  const ended: Record<string, number> = { ACTIVE: 0, REVOKED: 0 };
  for (const one of claims) {
    const { status, slot } = rows.get(one.requestId)!;
    ended[status]!++;
    isTold(one, status === "ACTIVE" ? "CouponIssued" : "CouponIssueFailed");
    expect(await statusOf(one)).toBe(status === "ACTIVE" ? `ISSUED ${slot}` : "FAILED ENDED");
  }
  // Both ways were gone, or this test has tested nothing.
  expect(Math.min(ended.ACTIVE!, ended.REVOKED!)).toBeGreaterThan(10);
  const [last] = await world.db.sql`SELECT epoch FROM coupons WHERE id = ${couponId}`;
  await world.load(couponId, last!.epoch + 1);
  expect(await readSale(world.redis, couponId)).toMatchObject({ winners: ended.ACTIVE, left: ended.REVOKED });
  expect(await world.redis.xlen(saleKeys(couponId).ledger)).toBe(0);
}, 180_000);

test("an operator revokes three hundred claims that are just being inserted: each slot is free once, each owner hears FAILED last", async () => {
  mayBury.resolve();
  await givingUp;
  const users = Array.from({ length: 300 }, (_, i) => `user-${i}`);
  const couponId = await world.newSale(users.length);
  await world.load(couponId);
  const claims = await world.claim(couponId, ...users);
  const worker = startRevocations(world.neighbours, world.settling.scripts);
  const revoke = ({ requestId, userId, slot }: GrantedClaim) =>
    revokeClaim(world.db.sql, { couponId, requestId, actor: "olga", why: "a test" }, { userId, slot });
  const queue = [...claims];
  let tombstones = 0;
  const hand = async () => {
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
      const [revoked] = await Promise.all([revoke(one), world.settle([one])]);
      expect(revoked.code).toBe("REVOKED");
    }
  };
  await Promise.all([hand(), hand(), hand()]);
  await until("all are carried out", async () => {
    const [row] = await world.db.sql`
      SELECT count(*)::int AS n FROM revocations WHERE coupon_id = ${couponId} AND done_at IS NULL`;
    return row!.n === 0;
  });
  await worker.stop();
  await world.settle(claims); // what is left in the ledger, as the relay would
  for (const one of claims) {
    const words = told(one);
    expect(words.at(-1)).toBe("CouponIssueFailed");
    if (!words.includes("CouponIssued")) tombstones++;
    expect(await statusOf(one)).toBe("FAILED REVOKED");
  }
  expect(tombstones).toBeGreaterThan(0);
  const rows = await world.rows(couponId);
  expect(rows).toHaveLength(claims.length);
  expect(rows.every(({ status, slot }) => status === "REVOKED" && slot === null)).toBe(true);
  const { freed, winners } = saleKeys(couponId);
  const slots = (await world.redis.lrange(freed, 0, -1)).map(Number);
  expect(slots.toSorted((a, b) => a - b)).toEqual(users.map((_, i) => i + 1));
  expect(await world.redis.hlen(winners)).toBe(0);
  expect(await world.redis.xlen(saleKeys(couponId).ledger)).toBe(0);
}, 180_000);
