import { expect, test } from "bun:test";
import type { SaleState } from "../../contracts/claims/http.ts";
import { newCouponId } from "../../contracts/wire/ids.ts";
import { type SaleStart, SaleStarts, type SaleStartsParts } from "./sale-starts.ts";

const couponId = newCouponId();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A sale that starts in `ms` by Redis' clock. `states` are what is seen of it from then on, the last one for good. This
 * process' clock runs `aheadMs` before Redis', and is what a view goes by.
 */
function saleIn(ms: number, states: (SaleState | Error)[] = ["OPEN"], aheadMs = 0) {
  const redisTime = () => Date.now() - aheadMs;
  const startsAtMs = redisTime() + ms;
  const startsAt = new Date(startsAtMs).toISOString();
  let looks = 0;
  const viewSale = async (): Promise<SaleStart> => {
    looks++;
    if (Date.now() < startsAtMs) return { state: "SCHEDULED", startsAt, issueMode: "DIRECT" };
    const state = states.length > 1 ? states.shift()! : states[0]!;
    if (state instanceof Error) throw state;
    return { state, startsAt, issueMode: "DIRECT" };
  };
  return { viewSale, saleTime: async () => redisTime(), startsAtMs, redisTime, looks: () => looks };
}

/** Openings that note Redis' time at each telling. */
function watch(sale: ReturnType<typeof saleIn>, parts: Partial<SaleStartsParts> = {}) {
  const told: number[] = [];
  const openings = new SaleStarts({
    viewSale: sale.viewSale,
    saleTime: sale.saleTime,
    isFollowed: () => true,
    opened: () => void told.push(sale.redisTime()),
    ...parts,
  });
  return { told, openings };
}

async function settled(openings: SaleStarts): Promise<void> {
  while (openings.awaits(couponId)) await pause(5);
}

for (const aheadMs of [0, 2_000, -2_000]) {
  test(`a start is told once, when it has come by Redis' clock; ours runs ${aheadMs} ms ahead`, async () => {
    const sale = saleIn(200, ["OPEN"], aheadMs);
    const { told, openings } = watch(sale);
    openings.expect(couponId);
    await settled(openings);
    expect(told).toHaveLength(1);
    expect(told[0]).toBeGreaterThanOrEqual(sale.startsAtMs);
    // Refusals from before the start that are only now answered, views by a clock that is behind.
    for (let i = 0; i < 3; i++) {
      openings.expect(couponId);
      await settled(openings);
    }
    expect(told).toHaveLength(1);
  });
}

test("a sale that is being rebuilt, or can't be looked at, when it starts is told when it is open", async () => {
  const sale = saleIn(20, [new Error("away"), "RECOVERING", "OPEN"]);
  const { told, openings } = watch(sale);
  openings.expect(couponId);
  await settled(openings);
  expect(told).toHaveLength(1);
  expect(sale.looks()).toBeGreaterThanOrEqual(4); // scheduled, away, rebuilt, open
});

test("a sale that is paused when it starts is not told, and not awaited any longer", async () => {
  const { told, openings } = watch(saleIn(20, ["PAUSED"]));
  openings.expect(couponId);
  expect(openings.awaits(couponId)).toBeTrue();
  await settled(openings);
  expect(told).toEqual([]);
});

test("a sale that an operator opens before its start is told at its start, once; opened again later, once more", async () => {
  const sale = saleIn(100);
  const { told, openings } = watch(sale);
  openings.reopened(couponId);
  openings.expect(couponId);
  await settled(openings);
  expect(told).toHaveLength(1);
  expect(told[0]).toBeGreaterThanOrEqual(sale.startsAtMs);
  openings.reopened(couponId);
  await settled(openings);
  expect(told).toHaveLength(2);
});

test("what was opened is told although PostgreSQL has not committed it yet, or is away", async () => {
  for (const seen of ["PAUSED", "RECOVERING", new Error("away")] as const) {
    const { told, openings } = watch(saleIn(-1_000, [seen]));
    openings.reopened(couponId);
    await settled(openings);
    expect(told).toHaveLength(1);
  }
});

test("many waiting sockets share one look; no socket is told after a stop, or after it stopped following the sale", async () => {
  const sale = saleIn(30);
  const { told, openings } = watch(sale);
  for (let i = 0; i < 100; i++) openings.expect(couponId);
  openings.stop();
  expect(openings.awaits(couponId)).toBeFalse();
  let isFollowed = true;
  const left = watch(saleIn(30), { isFollowed: () => isFollowed });
  left.openings.expect(couponId);
  await pause(10);
  isFollowed = false;
  await settled(left.openings);
  await pause(100);
  expect([sale.looks(), told, left.told]).toEqual([1, [], []]);
});
