import { expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import type { SaleCount } from "../../lua/sale-reading.ts";
import { ShownPages } from "./shown-pages.ts";
import { ShownSales } from "./shown-sales.ts";

const START = Date.UTC(2027, 0, 1);
const HOUR_MS = 3_600_000;
const idOf = (n: number) => `sale${String(n).padStart(8, "0")}` as CouponId;
const row = (n: number, change: Partial<SaleRow> = {}): SaleRow =>
  ({
    id: idOf(n),
    name: `Sale ${n}`,
    total: 100,
    state: "OPEN",
    issueMode: "DIRECT",
    startsAt: new Date(START),
    endsAt: new Date(START + HOUR_MS),
    discountType: "FIXED",
    discountValue: 1,
    maxDiscount: null,
    minOrderAmount: 0,
    currency: "EUR",
    validUntil: null,
    visibility: "LISTED",
    metadata: {},
    leftRedisAt: null,
    issued: null,
    ...change,
  }) as SaleRow;

function scenario(rows: SaleRow[]) {
  let now = START + 1_000;
  let left = 40;
  const asked = { rows: [] as string[][], counts: [] as string[], pages: [] as string[] };
  const shown = new ShownSales({
    async findRows(ids) {
      asked.rows.push([...ids]);
      return rows.filter(({ id }) => ids.includes(id as CouponId));
    },
    async count(couponId): Promise<SaleCount> {
      asked.counts.push(couponId);
      return { state: "OPEN", left };
    },
    now: () => now,
    shownMs: 600_000,
  });
  const pages = new ShownPages({
    async list(cursor, limit) {
      asked.pages.push(`${cursor} ${limit}`);
      const from = cursor === null ? 0 : Number(cursor);
      const page = rows.slice(from, from + limit);
      return { rows: page, nextCursor: from + limit < rows.length ? String(from + limit) : null };
    },
    cursorAfter: ({ id }) => String(Number(id.slice(4))),
    count: (one) => shown.count(one),
    now: () => now,
    shownMs: 600_000,
  });
  return { shown, pages, asked, at: (time: number) => (now = time), sell: (count: number) => (left = count) };
}

test("a thousand visitors of one moment cost one read of each, and get the same bytes", async () => {
  const { shown, asked } = scenario([row(1)]);
  const all = await Promise.all(Array.from({ length: 1_000 }, () => shown.get(idOf(1))));
  expect(new Set(all).size).toBe(1);
  expect(JSON.parse(all[0]!.body.text)).toMatchObject({
    remaining: 40,
    state: "OPEN",
    now: "2027-01-01T00:00:01.000Z",
  });
  expect(shown.get(idOf(1))).toBe(all[0]!); // from memory, without a promise
  expect(asked).toMatchObject({ rows: [[idOf(1)]], counts: [idOf(1)] });
});

test("what changed is shown to everybody who asks after it, with another validator", async () => {
  const { shown, sell } = scenario([row(1)]);
  const before = await shown.get(idOf(1));
  sell(0);
  expect(shown.get(idOf(1))).toBe(before!);
  shown.forget(idOf(1));
  const after = await shown.get(idOf(1));
  expect(after!.sale).toMatchObject({ remaining: 0, state: "SOLD_OUT" });
  expect(after!.body.etag).not.toBe(before!.body.etag);
});

test("a start or an end between two reads is shown at its moment", async () => {
  const { shown, asked, at } = scenario([row(1)]);
  at(START - 1);
  expect((await shown.get(idOf(1)))!.sale.state).toBe("SCHEDULED");
  at(START);
  expect((await shown.get(idOf(1)))!.sale).toMatchObject({ state: "OPEN", now: "2027-01-01T00:00:00.000Z" });
  at(START + HOUR_MS);
  expect((await shown.get(idOf(1)))!.sale.state).toBe("ENDED");
  expect(asked.counts).toHaveLength(1);
});

test("invented ids cost one statement a turn and no count, and an answer from memory afterwards", async () => {
  const { shown, asked } = scenario([row(1)]);
  const invented = Array.from({ length: 50 }, (_, i) => idOf(1_000 + i));
  expect(new Set(await Promise.all(invented.map((id) => shown.get(id))))).toEqual(new Set([null]));
  for (const id of invented) expect(shown.get(id)).toBeNull();
  expect([asked.rows.length, asked.counts.length]).toEqual([1, 0]);
});

test("a sale that has left Redis is shown without asking Redis", async () => {
  const gone = row(1, { leftRedisAt: new Date(START), endsAt: new Date(START), issued: 60 });
  const { shown, asked } = scenario([gone]);
  expect((await shown.get(idOf(1)))!.sale).toMatchObject({ state: "ENDED", remaining: 40 });
  expect(asked.counts).toEqual([]);
});

test("all first pages are made from one statement, each with its own end, and no sale is counted twice", async () => {
  const { pages, asked } = scenario(Array.from({ length: 250 }, (_, i) => row(i + 1)));
  for (const limit of [1, 50, 199, 200]) {
    const { items, nextCursor } = JSON.parse((await pages.get(null, limit)).text);
    expect([items.length, nextCursor]).toEqual([limit, String(limit)]);
  }
  const rest = JSON.parse((await pages.get("200", 200)).text);
  expect([rest.items.length, rest.nextCursor]).toEqual([50, null]);
  await Promise.all(Array.from({ length: 1_000 }, () => pages.get("200", 200)));
  expect(asked.pages).toEqual(["null 200", "200 200"]);
  expect(asked.counts).toHaveLength(250);
});
