import { expect, test } from "bun:test";
import type { SaleState } from "../../contracts/http.ts";
import { newCouponId } from "../../contracts/ids.ts";
import { createOpenings } from "./openings.ts";

const couponId = newCouponId();

/** A sale that starts in `ms`; `states` are what is seen of it from then on, the last one for good. */
function saleIn(ms: number, ...states: (SaleState | Error)[]) {
  const startsAt = Date.now() + ms;
  return async () => {
    if (Date.now() < startsAt) return { state: "SCHEDULED" as const, startsAt: new Date(startsAt).toISOString() };
    const state = states.length > 1 ? states.shift()! : states[0]!;
    if (state instanceof Error) throw state;
    return { state, startsAt: new Date(startsAt).toISOString() };
  };
}

/** Resolves with the moment at which the opening was told. */
function told(view: ReturnType<typeof saleIn>): Promise<number> {
  return new Promise((resolve) => createOpenings(view, () => resolve(Date.now())).expect(couponId));
}

test("a sale's start is told when it has come, not before", async () => {
  const startsAt = Date.now() + 200;
  expect(await told(saleIn(200, "OPEN"))).toBeGreaterThanOrEqual(startsAt);
});

test("a sale that is being rebuilt, or can't be looked at, when it starts is told when it is open", async () => {
  let looks = 0;
  const view = saleIn(20, new Error("away"), "RECOVERING", "OPEN");
  await told(() => {
    looks++;
    return view();
  });
  expect(looks).toBeGreaterThanOrEqual(4); // scheduled, away, rebuilt, open
});

test("a sale that is paused when it starts is not told, and not awaited any longer", async () => {
  const openings = createOpenings(saleIn(20, "PAUSED"), () => expect.unreachable());
  openings.expect(couponId);
  expect(openings.awaits(couponId)).toBeTrue();
  while (openings.awaits(couponId)) await Bun.sleep(5);
});

test("many who wait share one look, and nothing is told after a stop", async () => {
  let looks = 0;
  const openings = createOpenings(
    async () => {
      looks++;
      return { state: "SCHEDULED", startsAt: new Date(Date.now() + 30).toISOString() };
    },
    () => expect.unreachable(),
  );
  for (let i = 0; i < 100; i++) openings.expect(couponId);
  openings.stop();
  expect(openings.awaits(couponId)).toBeFalse();
  await Bun.sleep(100);
  expect(looks).toBe(1);
});
