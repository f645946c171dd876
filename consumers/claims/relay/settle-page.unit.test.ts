import { expect, test } from "bun:test";
import { newCouponId, newRequestId, type UserId } from "../../../contracts/wire/ids.ts";
import type { LedgerEntry } from "../../../lua/ledger.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import { type PageDeps, settlePage } from "./settle-page.ts";

const couponId = newCouponId();
const entries: LedgerEntry[] = Array.from({ length: 1_000 }, (_, i) => ({
  ledgerId: `1-${i}`,
  userId: `user-${i}` as UserId,
  requestId: newRequestId(couponId, Date.now()),
  slot: i + 1,
  epoch: 1,
}));

/** Settles every page but those with a claim of `poison`. */
function deps(poison: string) {
  const settled: number[] = [];
  let tries = 0;
  const quiet = () => {};
  const page: PageDeps = {
    settle: async (claims: readonly GrantedClaim[]) => {
      tries++;
      if (claims.some(({ userId }) => userId === poison)) throw new TypeError("poison");
      settled.push(...claims.map(({ slot }) => slot));
      return { settled: claims.length, deferred: [], unknown: [], unacknowledged: 0 } as never;
    },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    level: "info",
    relayed: quiet,
    onHold: new Map(),
  };
  return { page, settled, tries: () => tries };
}

test("one poison entry of a thousand is found by halves; the others are settled, in their order", async () => {
  const { page, settled, tries } = deps("user-700");
  expect(await settlePage(page, couponId, entries)).toBe("SETTLED");
  expect(settled).toEqual(entries.map(({ slot }) => slot).filter((slot) => slot !== 701));
  expect(tries()).toBeLessThanOrEqual(21); // the page, and two halves for each of ten levels
});
