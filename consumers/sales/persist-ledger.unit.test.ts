import { expect, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import type { LedgerEntry } from "../../lua/ledger.ts";
import type { ClaimOutcome, GrantedClaim } from "../claims/persist/outcome.ts";
import { persistLedger } from "./persist-ledger.ts";

const sale = newCouponId();
const entry = (slot: number): LedgerEntry => {
  const requestId = newRequestId(sale, Date.now());
  return { ledgerId: `${slot}-1`, userId: `user${slot}` as UserId, requestId, slot, epoch: 1 };
};
const entries = Array.from({ length: 50 }, (_, i) => entry(i + 1));
const persisting = (persist: (claims: readonly GrantedClaim[]) => Promise<readonly ClaimOutcome[]>) =>
  persistLedger(
    async () => ({ entries, malformed: [], next: null }),
    persist,
    async () => [],
    sale as CouponId,
  );

test("a claim that PostgreSQL refuses for what it is holds up no other one", async () => {
  const persisted = new Set<number>();
  const outcome = await persisting(async (claims) => {
    if (claims.some(({ slot }) => slot === 7 || slot === 30)) throw new StampedeError("CONFLICT", "never");
    for (const { slot } of claims) persisted.add(slot);
    return claims.map(({ slot }) => ({ code: "PERSISTED", slot, issuedAt: new Date() }));
  });
  expect(outcome).toEqual({ held: 48, entries: 50, refused: 2 });
  expect(persisted.size).toBe(48);
});

test("a PostgreSQL that is away fails the whole, at once", async () => {
  let tries = 0;
  const away = persisting(async () => {
    tries++;
    throw new StampedeError("DATABASE_UNAVAILABLE", "away");
  });
  await expect(away).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(tries).toBe(1);
});
