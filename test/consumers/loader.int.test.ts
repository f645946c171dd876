import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { persistClaims } from "../../consumers/claims/persist/persist-claims.ts";
import { leftOutOf } from "../../consumers/engine/left-out-of.ts";
import type { RoleParts } from "../../consumers/role-parts.ts";
import { drain } from "../../consumers/sales/drain-log.ts";
import { Loader } from "../../consumers/sales/loader.ts";
import { persistLedger } from "../../consumers/sales/persist-ledger.ts";
import type { RecoveryDeps } from "../../consumers/sales/recovery.ts";
import { type CouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../../db/array-literal.ts";
import { deferredClaimsAfter } from "../../db/claims/deferred.ts";
import { setSaleState } from "../../db/sales/change.ts";
import { listLiveSales } from "../../db/sales/live.ts";
import { neverClaimed } from "../../db/sales/recover.ts";
import { findReopening } from "../../db/sales/reopening.ts";
import { saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { whenReady } from "../../lua/redis.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { synced } from "../support/synced.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let server: RedisServer;
let world: ConsumerWorld;
let topic: string;
beforeAll(async () => {
  server = await startRedis();
  world = await createWorld({ redisUrl: server.url });
  topic = await world.newTopic(2);
  world.run(world.persistRole(), topic);
}, WORLD_MS);
afterAll(async () => {
  await world.close();
  await server.remove();
});

/** A loader as the role starts it, on this file's topic and group. */
function newLoader(
  neighbours: RoleParts = world.neighbours,
  messageTimeoutMs?: number,
  beforeLedger: (couponId: CouponId) => Promise<void> = async () => {},
  drainLog?: RecoveryDeps["drain"],
): Loader {
  const { db, redis, loading, config, log, metrics } = neighbours;
  return new Loader({
    sql: db.sql,
    leases: db.leases,
    loading,
    scripts: world.settling.scripts,
    persistLedger: async (couponId) => {
      await beforeLedger(couponId);
      return await persistLedger(
        (id, range) => readLedger(redis, id, range),
        (claims) => persistClaims(db.sql, claims),
        async (id, after, count) => (await deferredClaimsAfter(db.sql, id, after, count)) as readonly GrantedClaim[],
        couponId,
      );
    },
    drain:
      drainLog ??
      ((stopping, report) => drain(world.admin, world.rawProducer, topic, `group-${topic}`, log, stopping, report)),
    messageTimeoutMs: messageTimeoutMs ?? config.MESSAGE_TIMEOUT_MS,
    keepHours: 1,
    leftOut: leftOutOf("sale-loader", neighbours),
    log,
    recovered: metrics.recovered,
  });
}
/** What waits for the log takes so much longer than what does not that no machine confuses them. */
const LONG_MS = 120_000;
const never = new AbortController().signal;
async function look(...loaders: Loader[]): Promise<void> {
  await Promise.all(loaders.map((loader) => loader.look(never)));
  await Promise.all(loaders.map((loader) => loader.settled()));
}
const stateOf = async (couponId: CouponId) =>
  (await world.db.sql`SELECT epoch, load_state, state FROM coupons WHERE id = ${couponId}`)[0]!;

/** A crash that finds everything on disk. */
async function restartRedis(): Promise<void> {
  await synced(world.redis);
  await server.kill();
  await server.start();
  await whenReady(world.redis, 5_000);
}
const ask = async (couponId: CouponId, user: string) => {
  const requestId = newRequestId(couponId, Date.now());
  return (await world.settling.scripts.claim(couponId, [{ userId: user as UserId, requestId }])).results[0]!;
};

test("a new sale is loaded at once, by whichever of two loaders, and once", async () => {
  const sale = await world.newSale(10);
  expect((await ask(sale, "early")).code).toBe("NOT_LOADED");
  await look(newLoader(), newLoader());
  expect(await stateOf(sale)).toEqual({ epoch: 1, load_state: "LOADED", state: "OPEN" });
  const [claim] = await world.claim(sale, "ann");
  expect(claim).toMatchObject({ slot: 1, epoch: 1 });
  await look(newLoader(), newLoader()); // idempotent: the winner is still there
  expect(await readSale(world.redis, sale)).toMatchObject({ next: 1, winners: 1, epoch: 1 });
  await world.settle([claim!]);
});

test("a sale that another loader is just loading is left to it, and opens in its first epoch", async () => {
  const sale = await world.newSale(10);
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const load: typeof world.loading.load = async (...terms) => {
    await mayGoOn;
    return world.loading.load(...terms);
  };
  const first = newLoader({ ...world.neighbours, loading: { ...world.loading, load } }).look(never);
  await until("the sale is being loaded", async () => (await stateOf(sale)).load_state === "LOADING");
  await look(newLoader());
  goOn();
  await first;
  expect(await stateOf(sale)).toEqual({ epoch: 1, load_state: "LOADED", state: "OPEN" });
  expect(await ask(sale, "ann")).toMatchObject({ code: "ACCEPTED", slot: 1 });
});

test("a state that Redis missed is set, without a rebuild", async () => {
  const sale = await world.newSale(10);
  await look(newLoader());
  await world.db.sql`UPDATE coupons SET state = 'PAUSED' WHERE id = ${sale}`;
  await look(newLoader());
  expect((await ask(sale, "ann")).code).toBe("PAUSED");
  expect(await stateOf(sale)).toMatchObject({ epoch: 1, load_state: "LOADED" });
});

for (const intent of ["PAUSED", "CLOSED"] as const) {
  test(`${intent} that was answered while the sale was being loaded is in force when it opens`, async () => {
    const sale = await world.newSale(10);
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    const load: typeof world.loading.load = async (...terms) => {
      await mayGoOn;
      return world.loading.load(...terms);
    };
    const loaded = newLoader({ ...world.neighbours, loading: { ...world.loading, load } }).look(never);
    await until("the sale is being loaded", async () => (await stateOf(sale)).load_state === "LOADING");
    const { setState } = world.settling.scripts;
    expect(await setSaleState(world.db.sql, sale, intent, "test", () => setState(sale, intent))).toBe(true);
    goOn();
    await loaded; // one look: nothing has repaired anything since
    expect(await stateOf(sale)).toMatchObject({ load_state: "LOADED", state: intent });
    expect((await ask(sale, "ann")).code).toBe(intent === "PAUSED" ? "PAUSED" : "ENDED");
  });
}

test("a running sale gets this release's scripts with a look, once, and goes on in its epoch", async () => {
  const sale = await world.newSale(10);
  await look(newLoader());
  const [ann] = await world.claim(sale, "ann");
  const key = saleKeys(sale).sale;
  const sha = (await world.redis.script("LOAD", "return 'NOT_LOADED'")) as string;
  await world.redis.hset(key, "shaClaim", sha);
  const loader = newLoader();
  await look(loader);
  expect(await ask(sale, "ann")).toMatchObject({ code: "ALREADY_WON", requestId: ann!.requestId });
  expect(await world.redis.hget(key, "shaClaim")).not.toBe(sha);
  expect(await stateOf(sale)).toMatchObject({ epoch: 1, load_state: "LOADED" });
  // A loader that was started later brought its own: the two don't take turns.
  await world.redis.hset(key, "shaClaim", sha);
  await look(loader);
  expect(await world.redis.hget(key, "shaClaim")).toBe(sha);
  await look(newLoader());
  expect(await world.redis.hget(key, "shaClaim")).not.toBe(sha);
});

test("a total that Redis missed (a process died between the two writes) is set, without a rebuild", async () => {
  const sale = await world.newSale(2);
  await look(newLoader());
  await world.claim(sale, "ann", "bob");
  await world.db.sql`UPDATE coupons SET total = 3 WHERE id = ${sale}`; // grown in PostgreSQL only
  expect((await ask(sale, "cem")).code).toBe("SOLD_OUT");
  await look(newLoader());
  expect(await ask(sale, "cem")).toMatchObject({ code: "ACCEPTED", slot: 3 });
  await world.db.sql`UPDATE coupons SET total = 9 WHERE id = ${sale}`;
  await look(newLoader());
  await world.settling.scripts.resize(sale, 4, 0); // shrunk in Redis only
  await look(newLoader());
  expect(await readSale(world.redis, sale)).toMatchObject({ total: 9, left: 6, epoch: 1 });
});

test("while it is rebuilt, a sale says when it will be open, and then nothing more", async () => {
  // A machine that stands still makes the best word untrue: then it is looked at again.
  for (let round = 1; ; round++) {
    const sale = await world.newSale(10);
    await look(newLoader());
    await world.settle(await world.claim(sale, "ann"));
    await world.redis.del(saleKeys(sale).sale);
    const recovery = look(newLoader());
    const said: number[] = [];
    await until("it is open", async () => {
      const found = await findReopening(world.db.sql, sale);
      if (found?.opensInMs != null) said.push(performance.now() + found.opensInMs);
      return found?.loadState === "LOADED" && said.length > 0;
    });
    const openedAt = performance.now();
    await recovery;
    expect((await findReopening(world.db.sql, sale))?.opensInMs).toBeNull();
    const wrong = said.filter((opensAt) => Math.abs(opensAt - openedAt) > 1_000);
    if (wrong.length === 0) return;
    expect(round, `off by ${wrong.map((opensAt) => Math.round(opensAt - openedAt)).join(", ")} ms`).toBeLessThan(5);
  }
});

test("after a restart of Redis claims get NOT_LOADED until the sale is loaded, then slots go on where they were", async () => {
  const sale = await world.newSale(10);
  await look(newLoader());
  const claims = await world.claim(sale, "ann", "bob", "cem", "dan");
  await world.settle([claims[0]!, claims[2]!]); // 1 and 3 are persisted; 2 is given up; 4 stays in the ledger
  await world.settling.scripts.release(sale, { ...claims[1]!, reason: "REVOKED" });
  await restartRedis();
  expect((await ask(sale, "eve")).code).toBe("NOT_LOADED");
  const startedAt = performance.now();
  await look(newLoader(), newLoader());
  expect(performance.now() - startedAt).toBeGreaterThan(1_000); // message.timeout.ms of this file
  expect(await stateOf(sale)).toMatchObject({ epoch: 2, load_state: "LOADED" });
  expect(await readSale(world.redis, sale)).toMatchObject({ state: "OPEN", next: 4, freed: 1, left: 7, winners: 3 });
  expect(await ask(sale, "ann")).toMatchObject({ code: "ALREADY_WON", slot: 1, requestId: claims[0]!.requestId });
  expect(await ask(sale, "dan")).toMatchObject({ code: "ALREADY_WON", slot: 4, requestId: claims[3]!.requestId });
  expect(await ask(sale, "eve")).toMatchObject({ code: "ACCEPTED", slot: 2 });
  expect(await ask(sale, "fay")).toMatchObject({ code: "ACCEPTED", slot: 5 });
});

test("claims that only the log holds are persisted before the sale opens again", async () => {
  const sale = await world.newSale(10);
  await look(newLoader());
  const [ann] = await world.claim(sale, "ann");
  await world.redis.flushall();
  const recovery = look(newLoader());
  await until("the sale is fenced", async () => (await stateOf(sale)).load_state === "RECOVERING");
  // A gateway's late delivery, within message.timeout.ms of the fence.
  const value = JSON.stringify({ type: "CouponClaimed", eventId: ann!.requestId, data: ann });
  await world.rawProducer.sendAll([{ topic, value }]);
  await recovery;
  expect(await ask(sale, "ann")).toMatchObject({ code: "ALREADY_WON", slot: 1, requestId: ann!.requestId });
  expect(await ask(sale, "bob")).toMatchObject({ code: "ACCEPTED", slot: 2 });
});

test("a sale that no user can have claimed opens again without the wait", async () => {
  const sale = await world.newSale(10, 3_600_000 / 2);
  await look(newLoader());
  await world.redis.del(saleKeys(sale).sale);
  const other = newLoader(world.neighbours, LONG_MS);
  await other.look(never);
  await until("it is loaded", async () => (await stateOf(sale)).load_state === "LOADED", LONG_MS / 2);
  await other.settled();
});

test("a fence that was raised, a loader that died half-way and a Redis ahead of PostgreSQL end in a rebuild", async () => {
  const [raised, died, behind] = [await world.newSale(5), await world.newSale(5), await world.newSale(5)];
  await look(newLoader());
  for (const sale of [raised, died, behind]) await world.settle(await world.claim(sale!, "ann"));
  await world.db.sql`UPDATE coupons SET epoch = 2, load_state = 'RECOVERING' WHERE id = ${raised}`;
  await world.db.sql`UPDATE coupons SET load_state = 'LOADING' WHERE id = ${died}`;
  await world.loading.fence(behind, 9);
  const waitMs = 5_000;
  const startedAt = performance.now();
  await look(newLoader(world.neighbours, waitMs));
  expect(performance.now() - startedAt).toBeLessThan(2.8 * waitMs); // one wait for all of them
  expect(await stateOf(raised)).toMatchObject({ epoch: 3, load_state: "LOADED" });
  expect(await stateOf(died)).toMatchObject({ epoch: 2, load_state: "LOADED" });
  expect(await stateOf(behind)).toMatchObject({ epoch: 10, load_state: "LOADED" });
  for (const sale of [raised, died, behind]) {
    expect(await ask(sale, "ann")).toMatchObject({ code: "ALREADY_WON", slot: 1 });
    expect(await ask(sale, "bob")).toMatchObject({ code: "ACCEPTED", slot: 2 });
  }
});

test("a sale whose epoch or next was overwritten is rebuilt once, in the next epoch, with every claim of its ledger", async () => {
  const garbage = [
    ["epoch", "2147483648"],
    ["epoch", "99999999999999999999"],
    ["epoch", "999999999"],
    ["epoch", "banana"],
    ["next", "-5"],
    ["next", "11"],
  ] as const;
  const sales = await Promise.all(garbage.map(() => world.newSale(10)));
  await look(newLoader());
  for (const [i, [field, value]] of garbage.entries()) {
    const { sale, ledger } = saleKeys(sales[i]!);
    await world.redis.hset(sale, field, value);
    const { requestId } = world.forged(sales[i]!, "ann", 2);
    // As a script of an older release granted it.
    const epoch = field === "epoch" ? value : "1";
    await world.redis.xadd(ledger, "*", "u", "ann", "r", requestId, "s", "2", "e", epoch);
  }
  await look(newLoader());
  for (const [i, sale] of sales.entries()) {
    expect([garbage[i], await stateOf(sale)]).toMatchObject([garbage[i], { epoch: 2, load_state: "LOADED" }]);
    expect(await ask(sale, "ann")).toMatchObject({ code: "ALREADY_WON", slot: 2 });
    expect(await ask(sale, "bob")).toMatchObject({ code: "ACCEPTED", slot: 1 });
  }
  await look(newLoader());
  for (const sale of sales) expect(await stateOf(sale)).toMatchObject({ epoch: 2, load_state: "LOADED" });
});

test("ten thousand winners come back from PostgreSQL", async () => {
  const sale = await world.newSale(20_000);
  await look(newLoader());
  await world.db.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch)
    SELECT ${sale}, 'user-' || n, n, ${sale} || '-' || lpad(n::text, 18, '0'), 1 FROM generate_series(1, 12000) n`;
  await world.redis.del(saleKeys(sale).sale);
  await look(newLoader());
  expect(await readSale(world.redis, sale)).toMatchObject({ next: 12_000, freed: 0, winners: 12_000 });
});

test("a recovery is not held up by a log whose records are gone before they were read", async () => {
  const [old, log] = [await world.newTopic(1), world.log];
  await world.rawProducer.sendAll([{ topic: old, value: "expired" }]);
  const stopping = new AbortController();
  const drained = drain(world.admin, world.rawProducer, old, `group-${old}`, log, stopping.signal);
  // Retention deletes the record; the group that comes now starts behind it.
  const consumer = world.kafka.consumer({ groupId: `group-${old}`, topics: [old], from: "latest" });
  const found: string[] = [];
  let done = false;
  drained.then(() => {
    done = true;
  });
  while (!done) {
    for (const record of await consumer.poll(10, 200)) {
      found.push(record.value === null ? "marker" : "expired");
      await consumer.commit([{ topic: old, partition: record.partition, offset: record.offset + 1 }]);
    }
  }
  await consumer.close();
  expect(await drained).toBe(true);
  expect(found).toEqual(["marker"]);
}, 180_000);

test("a queued sale is rebuilt without a wait: its claims never were in the claims' log", async () => {
  const sale = await world.newSale(10, -1_000, "QUEUED");
  await look(newLoader());
  const requestId = newRequestId(sale, Date.now());
  const { decided } = await world.settling.scripts.decide(sale, [
    { userId: "ann" as UserId, requestId, loggedAt: Date.now() },
  ]);
  expect(decided).toMatchObject([{ kind: "granted", slot: 1 }]);
  await world.redis.del(saleKeys(sale).sale); // the ledger is still there
  const loader = newLoader(world.neighbours, LONG_MS);
  await loader.look(never);
  await until("it is loaded", async () => (await stateOf(sale)).load_state === "LOADED", LONG_MS / 2);
  await loader.settled();
  expect(await readSale(world.redis, sale)).toMatchObject({ epoch: 2, winners: 1, next: 1 });
});

test("sales that are open come before those that open later, and ended ones come last", async () => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const sale = async (startsInMs: number, endsInMs: number) => {
    const id = await world.newSale(1);
    await world.db.sql`UPDATE coupons SET starts_at = ${at(startsInMs)}, ends_at = ${at(endsInMs)} WHERE id = ${id}`;
    return id;
  };
  const HOUR = 3_600_000;
  const wanted = {
    longEnded: await sale(-9 * HOUR, -2 * HOUR),
    tomorrow: await sale(24 * HOUR, 25 * HOUR),
    justEnded: await sale(-9 * HOUR, -HOUR),
    open: await sale(-HOUR, HOUR),
    soon: await sale(HOUR / 10, HOUR),
  };
  const ids = (await listLiveSales(world.db.sql, 3)).map(({ id }) => id);
  const { open, soon, tomorrow, justEnded, longEnded } = wanted;
  expect(ids.filter((id) => (Object.values(wanted) as string[]).includes(id))).toEqual([
    open,
    soon,
    tomorrow,
    justEnded,
    longEnded,
  ]);
});

test("a sale is loaded behind its own ledger, not behind another sale's that takes long", async () => {
  const [long, short] = [await world.newSale(10), await world.newSale(10)];
  await look(newLoader());
  for (const sale of [long, short]) {
    await world.claim(sale, "ann");
    await world.redis.del(saleKeys(sale).sale);
  }
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const loader = newLoader(world.neighbours, 100, (couponId) => (couponId === long ? mayGoOn : Promise.resolve()));
  await loader.look(never);
  await until("the short one is loaded", async () => {
    const { load_state, epoch } = await stateOf(short);
    return load_state === "LOADED" && epoch === 2;
  });
  expect(await stateOf(long)).toMatchObject({ load_state: "RECOVERING" });
  goOn();
  await loader.settled();
  expect(await stateOf(long)).toMatchObject({ load_state: "LOADED", epoch: 2 });
});

test("a sale is fenced although the announcements of nine others wait for their sales' locks", async () => {
  const sales = await Promise.all(Array.from({ length: 9 }, () => world.newSale(10)));
  const late = await world.newSale(10);
  await look(newLoader());
  for (const sale of [...sales, late]) await world.claim(sale, "ann");
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  let isDrained = false;
  let reports = 0;
  const loader = newLoader(world.neighbours, 100, undefined, async (_, report) => {
    for (; !isDrained; await Bun.sleep(10)) {
      report(60_000);
      reports++;
    }
    return true;
  });
  for (const sale of sales) await world.redis.del(saleKeys(sale).sale);
  await loader.look(never);
  await until("all wait for the log", () => reports > 0);
  const locked = world.db.leases.sql.begin(async (tx) => {
    await tx`SELECT FROM coupons WHERE id = ANY (${textArray(sales)}::text[]) FOR UPDATE`;
    const before = reports;
    await until("every sale's announcement is due", () => reports > before + 20);
    await world.redis.del(saleKeys(late).sale);
    await loader.look(never);
    await mayGoOn;
  });
  try {
    const isFenced = async () => (await stateOf(late)).load_state === "RECOVERING";
    await until("the late one is fenced", isFenced, 10_000); // the announcements' statements time out after 30 s
  } finally {
    goOn();
    await locked;
    isDrained = true;
    await loader.settled();
  }
  for (const sale of [...sales, late]) expect(await stateOf(sale)).toMatchObject({ load_state: "LOADED", epoch: 2 });
});

test("a recovery that fails behind its fence goes on behind it, and takes no new epoch each round", async () => {
  const sale = await world.newSale(10);
  await look(newLoader());
  await world.claim(sale, "ann");
  await world.redis.del(saleKeys(sale).sale);
  let tries = 0;
  const loader = newLoader(world.neighbours, 100, async () => {
    if (++tries < 4) throw new Error("canceling statement due to statement timeout");
  });
  await until("it is loaded at last", async () => {
    await look(loader);
    return (await stateOf(sale)).load_state === "LOADED";
  });
  expect(tries).toBe(4);
  expect(await stateOf(sale)).toMatchObject({ epoch: 2 });
});

test("whether a sale was ever claimed is found by index, whatever kind of row it has", async () => {
  const { sql } = world.db;
  const sales = { none: "", held: "", buried: "", alias: "" };
  for (const name of Object.keys(sales) as (keyof typeof sales)[]) sales[name] = await world.newSale(5, 3_600_000 / 2);
  const row = (couponId: string, status: string, slot: number | null) => sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch, status)
    VALUES (${couponId}, 'ann', ${slot}, ${`${couponId}-000000000000000001`}, 1, ${status})`;
  await row(sales.held, "ACTIVE", 1);
  await row(sales.buried, "REVOKED", null);
  await sql`
    INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id)
    VALUES (${`${sales.alias}-000000000000000002`}, ${sales.alias}, 'ann', 'x')`;
  expect([...(await neverClaimed(sql, Object.values(sales)))]).toEqual([sales.none]);

  const crowd = await world.newSale(50_000);
  await sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch)
    SELECT ${crowd}, 'user-' || n, n, ${crowd} || '-' || lpad(n::text, 18, '0'), 1 FROM generate_series(1, 50000) n`;
  await sql`ANALYZE user_coupons`;
  const read = async () =>
    Number(
      (await sql`SELECT coalesce(seq_tup_read, 0) AS n FROM pg_stat_user_tables WHERE relname = 'user_coupons'`)[0]!.n,
    );
  await sql`SELECT pg_stat_force_next_flush()`;
  const before = await read();
  await neverClaimed(sql, Object.values(sales));
  await sql`SELECT pg_stat_force_next_flush()`;
  expect((await read()) - before).toBe(0);
});
