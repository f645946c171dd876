import { expect, test } from "bun:test";
import type { Sale } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { SaleFeed } from "./sale-feed.ts";

const ID = "aaaaaaaaaaaa" as CouponId;
const sale = (remaining: number, change: Partial<Sale> = {}): Sale =>
  ({
    couponId: ID,
    state: "OPEN",
    remaining,
    startsAt: "2027-01-01T00:00:00.000Z",
    endsAt: "2027-01-02T00:00:00.000Z",
    ...change,
  }) as Sale;

function scenario() {
  let now: Sale | null | Error = sale(100);
  let looks = 0;
  const told: { at: number; message: { remaining: number | null; state: string } }[] = [];
  const feed = new SaleFeed({
    look: async () => {
      looks++;
      if (now instanceof Error) throw now;
      return now;
    },
    publish: (_, text) => told.push({ at: performance.now(), message: JSON.parse(text) }),
  });
  return { feed, told, looks: () => looks, is: (next: typeof now) => (now = next) };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("Waited in vain");
    await Bun.sleep(5);
  }
}

test("a change is told with its latest state, and what does not change is not told", async () => {
  const { feed, told, looks, is } = scenario();
  feed.begin(ID);
  await until(() => looks() === 2);
  expect(told).toEqual([]);
  is(sale(99));
  await until(() => told.length === 1);
  expect(told[0]!.message).toEqual({
    type: "sale.changed",
    couponId: ID,
    state: "OPEN",
    remaining: 99,
    startsAt: "2027-01-01T00:00:00.000Z",
    endsAt: "2027-01-02T00:00:00.000Z",
  } as never);
  feed.stop();
});

test("of a sale that changes all the time at most four messages a second are told, and the last change always", async () => {
  const { feed, told, is } = scenario();
  feed.begin(ID);
  const changing = performance.now() + 1_500;
  let left = 100_000;
  while (performance.now() < changing) {
    is(sale(--left));
    feed.changed(ID);
    await Bun.sleep(1);
  }
  is(sale(0, { state: "SOLD_OUT" }));
  await until(() => told.at(-1)?.message.state === "SOLD_OUT");
  feed.stop();
  expect(told.length).toBeGreaterThan(1);
  for (const [i, { at }] of told.entries()) if (i > 0) expect(at - told[i - 1]!.at).toBeGreaterThan(249);
  const remaining = told.map(({ message }) => message.remaining!);
  expect(remaining).toEqual([...remaining].sort((a, b) => b - a));
});

test("a failed look is repeated; a sale that no socket follows is not looked at", async () => {
  const { feed, told, looks, is } = scenario();
  feed.begin(ID);
  await until(() => looks() > 0);
  is(new Error("PostgreSQL is away"));
  const before = looks();
  await until(() => looks() > before);
  is(sale(50));
  await until(() => told.length === 1);
  feed.end(ID);
  const after = looks();
  await Bun.sleep(400);
  expect(looks()).toBe(after);
});

test("a socket that subscribes later gets what the others were told last, not what was read before that", async () => {
  const { feed, told, is } = scenario();
  feed.begin(ID);
  expect(JSON.parse(feed.latest(ID, sale(100))).remaining).toBe(100);
  is(sale(7));
  await until(() => told.length === 1);
  expect(JSON.parse(feed.latest(ID, sale(100))).remaining).toBe(7);
  feed.stop();
});

test("more sales than fit into one look all have their turn", async () => {
  const seen = new Set<string>();
  const feed = new SaleFeed({
    look: async (couponId) => {
      seen.add(couponId);
      return sale(1);
    },
    publish: () => {},
  });
  for (let i = 0; i < 100; i++) feed.begin(`sale${String(i).padStart(8, "0")}` as CouponId);
  await until(() => seen.size === 100);
  feed.stop();
});
