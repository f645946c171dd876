import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { leftOutOf } from "../../consumers/engine/left-out-of.ts";
import type { RoleParts } from "../../consumers/role-parts.ts";
import { Loader } from "../../consumers/sales/loader.ts";
import type { EditSale } from "../../contracts/claims/http.ts";
import { type CouponId, newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { createSale } from "../../db/sales/change.ts";
import { editSale } from "../../db/sales/edit.ts";
import { findSale, listSales } from "../../db/sales/list.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const HOUR_MS = 3_600_000;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const never = new AbortController().signal;

function newLoader(neighbours: RoleParts = world.neighbours): Loader {
  const { db, loading, config, log, metrics } = neighbours;
  return new Loader({
    sql: db.sql,
    leases: db.leases,
    loading,
    scripts: world.settling.scripts,
    persistLedger: () => Promise.reject(new Error("no sale of this file is lost")),
    drain: () => Promise.reject(new Error("no sale of this file is lost")),
    messageTimeoutMs: config.MESSAGE_TIMEOUT_MS,
    keepHours: 1,
    leftOut: leftOutOf("sale-loader", neighbours),
    log,
    recovered: metrics.recovered,
  });
}
async function look(loader = newLoader()): Promise<void> {
  await loader.look(never);
  await loader.settled();
}

async function loadedSale(): Promise<CouponId> {
  const sale = await world.newSale(1_000_000);
  await look();
  return sale;
}

const edit = (sale: CouponId, change: EditSale, apply = world.settling.scripts.setState) =>
  editSale(world.db.sql, sale, change, "olga", (state, window) => apply(sale, state, window));
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => error.code,
  );
const rowOf = async (sale: CouponId) => (await findSale(world.db.orm, sale))!;
const lines = (sale: CouponId) =>
  world.db.sql`SELECT actor, detail FROM audit_log WHERE target = ${sale} AND action = 'sale.edited' ORDER BY id`;
let users = 0;
async function ask(sale: CouponId) {
  const asked = { userId: `user-${users++}` as UserId, requestId: newRequestId(sale, Date.now()) };
  const sentAt = Date.now();
  const { endsAt, results } = await world.settling.scripts.claim(sale, [asked]);
  return { sentAt, heardAt: Date.now(), endsAt, code: results[0]!.code };
}

test("an edit changes what it names, in PostgreSQL and in Redis, and its line has both values", async () => {
  const sale = await loadedSale();
  const before = await rowOf(sale);
  const endsAt = inMs(3 * HOUR_MS);
  expect(await edit(sale, { name: "Later", metadata: { campaign: "x", n: 1 }, visibility: "UNLISTED", endsAt })).toBe(
    true,
  );
  expect(await rowOf(sale)).toMatchObject({
    name: "Later",
    metadata: { campaign: "x", n: 1 },
    visibility: "UNLISTED",
    endsAt: new Date(endsAt),
    startsAt: before.startsAt,
    total: before.total,
    epoch: 1,
  });
  expect(await readSale(world.redis, sale)).toMatchObject({ endsAt: Date.parse(endsAt), state: "OPEN", epoch: 1 });
  expect(await edit(sale, { metadata: { n: 1, campaign: "x" }, visibility: "UNLISTED" })).toBe(true); // as it is
  const [line, ...more] = await lines(sale);
  expect(more).toEqual([]);
  expect({ ...line }).toEqual({
    actor: "olga",
    detail: {
      before: { name: before.name, metadata: {}, visibility: "LISTED", endsAt: before.endsAt.toISOString() },
      after: { name: "Later", metadata: { campaign: "x", n: 1 }, visibility: "UNLISTED", endsAt },
    },
  });
  expect(await edit("000000000000" as CouponId, { name: "x" })).toBe(false);
});

test("a sale is created with its visibility and metadata", async () => {
  const id = newCouponId();
  const terms = { id, name: "x", total: 1, startsAt: inMs(0), endsAt: inMs(HOUR_MS), discountType: "FIXED" as const };
  const metadata = { campaign: "x", priority: 2, isTest: true, none: null };
  await createSale(world.db.sql, { ...terms, discountValue: 1, visibility: "UNLISTED", metadata }, "test");
  expect(await rowOf(id)).toMatchObject({ visibility: "UNLISTED", metadata });
  const ids = async (listedOnly: boolean) =>
    (await listSales(world.db.orm, null, 200, listedOnly)).rows.map((row) => row.id);
  expect([(await ids(true)).includes(id), (await ids(false)).includes(id)]).toEqual([false, true]);
});

test("terms that contradict each other, and changes that come too late, are refused and change nothing", async () => {
  const sale = await loadedSale();
  const { startsAt, endsAt } = await rowOf(sale);
  const later = new Date(endsAt.getTime() + HOUR_MS).toISOString();
  expect(await codeOf(edit(sale, { endsAt: startsAt.toISOString() }))).toBe("VALIDATION_FAILED");
  expect(await codeOf(edit(sale, { endsAt: inMs(-1_000) }))).toBe("CONFLICT");
  expect(await codeOf(edit(sale, { validUntil: inMs(1_000) }))).toBe("VALIDATION_FAILED");
  expect(await codeOf(edit(sale, { validUntil: later }))).toBe("CONFLICT"); // there was no limit
  await world.db.sql`UPDATE coupons SET valid_until = ${later} WHERE id = ${sale}`;
  expect(await codeOf(edit(sale, { endsAt: new Date(Date.parse(later) + 1).toISOString() }))).toBe("VALIDATION_FAILED");
  expect(await codeOf(edit(sale, { validUntil: endsAt.toISOString() }))).toBe("CONFLICT");
  expect(await lines(sale)).toEqual([] as never);
  expect(await readSale(world.redis, sale)).toMatchObject({ endsAt: endsAt.getTime() });
  const latest = new Date(Date.parse(later) + HOUR_MS).toISOString();
  expect(await codeOf(edit(sale, { endsAt: later, validUntil: latest }))).toBeNull();
  expect(await codeOf(edit(sale, { validUntil: null }))).toBeNull();
  // Before it opens nobody can have won a coupon: its terms may become worse.
  const early = await world.newSale(10);
  await world.db
    .sql`UPDATE coupons SET starts_at = ${inMs(HOUR_MS)}, ends_at = ${inMs(2 * HOUR_MS)} WHERE id = ${early}`;
  expect(await codeOf(edit(early, { validUntil: inMs(4 * HOUR_MS) }))).toBeNull();
  expect(await codeOf(edit(early, { validUntil: inMs(3 * HOUR_MS) }))).toBeNull();
  // Redis' clock may be ahead.
  await world.db.sql`UPDATE coupons SET starts_at = ${inMs(30_000)} WHERE id = ${early}`;
  expect(await codeOf(edit(early, { validUntil: inMs(2.5 * HOUR_MS) }))).toBe("CONFLICT");
});

test("an end that Redis did not take is rolled back; one that Redis has alone is undone by the loader", async () => {
  const sale = await loadedSale();
  const { endsAt } = await rowOf(sale);
  const away = () => Promise.reject(Object.assign(new Error("away"), { code: "REDIS_UNAVAILABLE" }));
  expect(await codeOf(edit(sale, { endsAt: inMs(2 * HOUR_MS) }, away as never))).toBe("REDIS_UNAVAILABLE");
  expect((await rowOf(sale)).endsAt).toEqual(endsAt);
  expect(await lines(sale)).toEqual([] as never);
  await edit(sale, { endsAt: inMs(2 * HOUR_MS) }, async (...call) => {
    await world.settling.scripts.setState(...call);
    throw new Error("the process dies between the two writes");
  }).catch(() => {});
  expect((await readSale(world.redis, sale))!.endsAt).not.toBe(endsAt.getTime());
  await look();
  expect((await readSale(world.redis, sale))!.endsAt).toBe(endsAt.getTime());
  await world.db.sql`UPDATE coupons SET ends_at = ${inMs(5 * HOUR_MS)} WHERE id = ${sale}`;
  await look();
  expect((await readSale(world.redis, sale))!.endsAt).toBe((await rowOf(sale)).endsAt.getTime());
});

test("an end that was moved while the sale was being loaded is in force when it opens", async () => {
  const sale = await world.newSale(10);
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const load: typeof world.loading.load = async (...terms) => {
    await mayGoOn;
    return world.loading.load(...terms);
  };
  const loaded = newLoader({ ...world.neighbours, loading: { ...world.loading, load } }).look(never);
  await until("the sale is being loaded", async () => {
    const [row] = await world.db.sql`SELECT load_state FROM coupons WHERE id = ${sale}`;
    return row!.load_state === "LOADING";
  });
  const endsAt = inMs(7 * HOUR_MS);
  await edit(sale, { endsAt });
  goOn();
  await loaded; // one look: nothing has repaired anything since
  expect(await readSale(world.redis, sale)).toMatchObject({ endsAt: Date.parse(endsAt), epoch: 1 });
});

test("claims at a moving end: each is judged by the end of its moment, and none by an older one than was answered before it", async () => {
  const distances = fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 3, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(distances, async (ends) => {
      const sale = await loadedSale();
      const answers: Awaited<ReturnType<typeof ask>>[] = [];
      /** The ends that an edit has set, each with when it was asked for and answered. */
      const set: { endsAt: number; askedAt: number; answeredAt: number }[] = [];
      let editing = true;
      const claiming = Array.from({ length: 4 }, async () => {
        while (editing) answers.push(await ask(sale));
      });
      for (const ms of ends) {
        const askedAt = Date.now();
        const endsAt = inMs(ms);
        const refused = await codeOf(edit(sale, { endsAt }));
        if (refused === null) set.push({ endsAt: Date.parse(endsAt), askedAt, answeredAt: Date.now() });
        else expect(refused).toBe("CONFLICT"); // on a slow machine it is in the past by now
        await Bun.sleep(ms / 2);
      }
      editing = false;
      await Promise.all(claiming);
      for (const { sentAt, heardAt, endsAt, code } of answers) {
        if (code === "ACCEPTED") expect(sentAt).toBeLessThan(endsAt);
        else expect([code, heardAt >= endsAt]).toEqual(["ENDED", true]);
        const since = set.findLastIndex(({ answeredAt }) => answeredAt < sentAt);
        if (since >= 0) expect(set.slice(since).map((one) => one.endsAt)).toContain(endsAt);
      }
      expect((await readSale(world.redis, sale))!.endsAt).toBe((await rowOf(sale)).endsAt.getTime());
    }),
    { numRuns: propertyRuns(15) },
  );
}, 180_000);

test("edits of different members at once all hold, and their lines tell one story", async () => {
  const sale = await loadedSale();
  const ends = Array.from({ length: 6 }, (_, i) => inMs((i + 2) * HOUR_MS));
  const names = ["a", "b", "c", "d"];
  await Promise.all([
    ...ends.map((endsAt) => edit(sale, { endsAt })),
    ...names.map((name) => edit(sale, { name })),
    edit(sale, { visibility: "UNLISTED" }),
  ]);
  const row = await rowOf(sale);
  expect(row.visibility).toBe("UNLISTED");
  expect((await readSale(world.redis, sale))!.endsAt).toBe(row.endsAt.getTime());
  const told: Record<string, unknown> = {};
  for (const { detail } of await lines(sale)) {
    for (const [member, value] of Object.entries(detail.before)) {
      if (member in told) expect(value).toEqual(told[member]);
    }
    Object.assign(told, detail.after);
  }
  expect(told).toEqual({ name: row.name, visibility: "UNLISTED", endsAt: row.endsAt.toISOString() });
});
