import { expect, test } from "bun:test";
import fc from "fast-check";
import type { CouponId } from "../contracts/wire/ids.ts";
import type { CheckName } from "./check.ts";
import { checkSale } from "./check-sale.ts";
import type { RedisSale, SaleFacts, StoredCoupon, StoredLedgerEntry, StoredSale, StoredWinner } from "./facts.ts";

const ID = "7qj4x0m2kd9a" as CouponId;
const sale: StoredSale = { couponId: ID, total: 10, epoch: 3, state: "OPEN", loadState: "LOADED", endsAtMs: 2e12 };
const row = (n: number, more: Partial<StoredCoupon> = {}): StoredCoupon => ({
  userId: `u${n}`,
  slot: n,
  requestId: `r${n}`,
  status: "ACTIVE",
  ...more,
});
const winner = (n: number, more: Partial<StoredWinner> = {}): StoredWinner => ({
  userId: `u${n}`,
  slot: n,
  requestId: `r${n}`,
  ...more,
});
const entry = (n: number, ageMs = 10): StoredLedgerEntry => ({ ledgerId: `${n}-0`, ...winner(n), ageMs });
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

interface Plant {
  rows?: StoredCoupon[];
  winners?: StoredWinner[];
  freed?: (number | null)[];
  ledger?: StoredLedgerEntry[];
  statuses?: [string, string][];
  aliases?: SaleFacts["aliases"];
  unconsumed?: string[];
  revoking?: string[];
  redis?: Partial<RedisSale> | null;
  sale?: Partial<StoredSale>;
  stuckMs?: number | null;
}

/** Slots 1–5 persisted, 6 still in the ledger, 7 freed: a sale of ten in the middle of its rush. */
function facts(plant: Plant = {}): SaleFacts {
  const rows = plant.rows ?? [...upTo(5).map((n) => row(n)), row(7, { status: "REVOKED", slot: null })];
  const winners = plant.winners ?? upTo(6).map((n) => winner(n));
  const freed = plant.freed ?? [7];
  const ledger = plant.ledger ?? [entry(6)];
  const active = rows.filter((r) => r.status !== "REVOKED");
  const redis =
    plant.redis === null
      ? null
      : {
          state: "OPEN",
          total: 10,
          next: 7,
          epoch: 3,
          endsAtMs: plant.sale?.endsAtMs ?? 2e12,
          winners: winners.length,
          freed: freed.length,
          ledger: ledger.length,
          ...plant.redis,
        };
  return {
    sale: { ...sale, ...plant.sale },
    redis,
    nextAfter: redis?.next ?? 0,
    counts: {
      active: active.length,
      pending: ledger.filter((e) => !active.some((r) => r.requestId === e.requestId)).length,
    },
    examined: { rows: active.length, statuses: 6, tombstones: 1, aliases: plant.aliases?.length ?? 0 },
    nowMs: 1.9e12,
    rows,
    aliases: plant.aliases ?? [],
    winners,
    freed,
    ledger,
    statuses: new Map(plant.statuses ?? [["r1", "ISSUED 1"], ["r7", "FAILED REVOKED"]]), // biome-ignore format: one line
    unconsumed: new Set(plant.unconsumed),
    revoking: new Set(plant.revoking),
    slots: upTo(12),
    stuckMs: plant.stuckMs === undefined ? 30_000 : plant.stuckMs,
  };
}

const failed = (plant: Plant): CheckName[] =>
  checkSale(facts(plant))
    .filter((c) => !c.ok)
    .map((c) => c.name);
const usual = facts();
const full = {
  rows: upTo(10).map((n) => row(n)),
  winners: upTo(10).map((n) => winner(n)),
  freed: [],
  ledger: [],
  statuses: [],
};

test("a healthy sale in the middle of its rush passes every check", () => {
  expect(failed({})).toEqual([]);
});

test("a healthy sale that is sold out passes every check", () => {
  expect(failed({ ...full, redis: { next: 10 } })).toEqual([]);
});

test("a winner is named with its sale, whatever Redis has of it", () => {
  const winners = [winner(8, { slot: 11 }), winner(9, { slot: null, requestId: "" }), winner(3, { requestId: "junk" })];
  const checks = checkSale(facts({ winners: [...usual.winners, ...winners] }));
  const named = checks.flatMap(({ examples }) => examples).filter((text) => /r8|u9|junk/.test(text));
  expect(new Set(named)).toEqual(new Set([`sale ${ID}: r8`, `sale ${ID}: user u9`, `sale ${ID}: junk`]));
});

const corruptions: [string, Plant, CheckName[]][] = [
  ["an eleventh row of ten", { ...full, rows: [...full.rows, row(11, { slot: 1 })], redis: { next: 10 } }, ["rows-within-total", "slots-unique", "row-known"]],
  ["a row whose slot lies beyond the total", { rows: [...usual.rows, row(6, { slot: 11 })] }, ["slots-within-total"]],
  ["a row with slot 0", { rows: [...usual.rows, row(6, { slot: 0 })] }, ["slots-within-total"]],
  ["a winner's slot beyond the total", { winners: [...usual.winners, winner(8, { slot: 11 })], unconsumed: ["r8"] }, ["slots-within-total", "slots-accounted"]],
  ["two rows of one user", { rows: [...usual.rows, row(9, { userId: "u1" })] }, ["one-per-user"]],
  ["two rows with one slot", { rows: [...usual.rows, row(6, { slot: 5 })], ledger: [entry(6)] }, ["slots-unique"]],
  ["two winners with one slot in Redis", { winners: [...usual.winners, winner(8, { slot: 1 })], unconsumed: ["r8"] }, ["redis-slots-unique"]],
  ["a slot freed twice", { freed: [7, 7] }, ["freed-once"]],
  ["a freed slot that a winner holds", { freed: [7, 1] }, ["freed-not-held"]],
  ["a freed slot that only PostgreSQL knows as held", { rows: [...usual.rows, row(6, { slot: 7 })] }, ["freed-not-held"]],
  ["next one too high", { redis: { next: 8 } }, ["slots-accounted"]],
  ["next one too low", { redis: { next: 6 } }, ["slots-accounted"]],
  ["next beyond the total", { ...full, redis: { next: 11 } }, ["slots-accounted"]],
  ["sold out with one coupon nobody got", { redis: { next: 10 }, freed: [] }, ["slots-accounted", "nothing-withheld"]],
  ["a winner in Redis only, the ledger empty", { ledger: [] }, ["winner-persisted"]],
  ["a winner in PostgreSQL only", { rows: [...usual.rows, row(9)] }, ["row-known"]],
  ["a winner with another slot in Redis", { winners: [winner(1, { slot: 7 }), ...usual.winners.slice(1)], freed: [] }, ["winner-agrees"]],
  ["a winner with another request in Redis", { winners: [winner(1, { requestId: "rX" }), ...usual.winners.slice(1)] }, ["winner-agrees"]],
  ["an unreadable winner", { winners: [...usual.winners, winner(9, { slot: null, requestId: "" })] }, ["slots-within-total", "winner-persisted"]],
  ["ISSUED without a row", { statuses: [["r9", "ISSUED 9"]] }, ["issued-has-row"]],
  ["ISSUED though the row is revoked", { statuses: [["r7", "ISSUED 7"]] }, ["issued-has-row"]],
  ["FAILED with an active row", { statuses: [["r1", "FAILED REVOKED"]] }, ["failed-has-no-row"]],
  ["a tombstone beside an active row", { rows: [...usual.rows, row(1, { status: "REVOKED", slot: null })] }, ["tombstone-final"]],
  ["one request in two rows", { rows: [...usual.rows, row(6, { requestId: "r1" })] }, ["one-row-per-request"]],
  ["a request that is an alias and a row", { aliases: [{ requestId: "r1", originalRequestId: "r2" }] }, ["one-row-per-request"]],
  ["an alias that leads nowhere", { aliases: [{ requestId: "r9", originalRequestId: "r99" }] }, ["alias-resolves"]],
  ["another total in Redis", { redis: { total: 12 } }, ["terms-agree"]],
  ["another end in Redis", { redis: { endsAtMs: 1 } }, ["terms-agree"]],
  ["another epoch in Redis", { redis: { epoch: 2 } }, ["epoch-agrees"]],
  ["a running sale that Redis does not have", { redis: null }, ["sale-loaded"]],
  ["a claim stuck in the ledger", { ledger: [entry(6, 31_000)] }, ["ledger-moves"]],
]; // biome-ignore format: one corruption a line

for (const [what, plant, names] of corruptions) {
  test(`${what} is named, and nothing else is accused`, () => {
    expect(failed(plant).sort()).toEqual([...names].sort());
  });
}

const innocents: [string, Plant][] = [
  ["an alias that leads to its row, told ISSUED", { aliases: [{ requestId: "r9", originalRequestId: "r1" }], statuses: [["r9", "ISSUED 1"]] }],
  ["a winner whose record waits in the log", { ledger: [], unconsumed: ["r6"] }],
  ["an old ledger entry while no consumer runs", { ledger: [entry(6, 99_000)], stuckMs: null }],
  ["a sale in recovery whose winners are not rebuilt", { winners: [], redis: { state: "RECOVERING", next: 0 }, sale: { loadState: "RECOVERING" } }],
  ["a new sale that was not loaded yet", { rows: [], winners: [], redis: null, sale: { loadState: "NEW" } }],
  ["an ended sale that left Redis", { redis: null, sale: { endsAtMs: 1.8e12 } }],
  ["a claim with conflicting rows that is still pending", { winners: [winner(1, { requestId: "rX", slot: 6 }), ...usual.winners.slice(1, 5)], ledger: [{ ...entry(6), requestId: "rX" }] }],
]; // biome-ignore format: one case a line

for (const [what, plant] of innocents) {
  test(`${what} is not accused`, () => expect(failed(plant)).toEqual([]));
}

test("a sale in recovery is told in the detail", () => {
  const checks = checkSale(facts({ redis: { state: "RECOVERING" }, sale: { loadState: "RECOVERING" } }));
  const loaded = checks.find((c) => c.name === "sale-loaded");
  expect(loaded?.detail).toContain("not compared");
  expect(loaded?.incomplete).toBe(true);
});

test("an excess of rows counts as many violations as there are rows too many", () => {
  const rows = upTo(25).map((n) => row(n));
  const check = checkSale(facts({ ...full, rows })).find((c) => c.name === "rows-within-total");
  expect(check).toMatchObject({ ok: false, count: 15 });
});

test("at most ten examples are listed however many there are", () => {
  const check = checkSale(facts({ rows: upTo(60).map((n) => row(n + 100)) })).find((c) => c.name === "row-known");
  expect(check).toMatchObject({ count: 60 });
  expect(check?.examples).toHaveLength(10);
});

test("any history of claims, releases and partial persistence passes; forgetting any one row of it does not", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      (next, gone) => {
        const slots = upTo(next);
        const kept = slots.filter((n) => !gone[n - 1]);
        const plant: Plant = {
          rows: slots.map((n) => (gone[n - 1] ? row(n, { status: "REVOKED", slot: null }) : row(n))),
          winners: kept.map((n) => winner(n)),
          freed: slots.filter((n) => gone[n - 1]),
          ledger: [],
          statuses: [],
          redis: { next },
        };
        expect(failed(plant)).toEqual([]);
        for (const n of kept) {
          const rows = plant.rows!.filter((r) => r.slot !== n);
          expect(failed({ ...plant, rows })).toContain("winner-persisted");
        }
      },
    ),
  );
});
