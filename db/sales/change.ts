import type { CreateSale, Metadata } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Executor, Sql } from "../client.ts";
import { CLAIM, columnNamesOf, SALE } from "../names.ts";
import { coupons, type SaleIntent } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";
import { type LockedSale, lockSale } from "./lock.ts";

export type SaleToCreate = CreateSale & { readonly id: CouponId };

/** RFC 3339; stored in whole milliseconds, cut off and not rounded, so that the last instant of 9999 stays in 9999. */
const instant = (text: string) => new Date(text).toISOString();

/** A new sale (load state NEW: role sale-loader brings it to Redis) and its audit line. Call it in a transaction (once.ts). */
export async function createSale(tx: Executor, sale: SaleToCreate, actor: string): Promise<{ readonly id: CouponId }> {
  // A field of CreateSale that is missing here fails the type check.
  const row: Readonly<Record<keyof SaleToCreate, string | number | null | Metadata>> = {
    id: sale.id,
    name: sale.name,
    total: sale.total,
    startsAt: instant(sale.startsAt),
    endsAt: instant(sale.endsAt),
    issueMode: sale.issueMode ?? "DIRECT",
    discountType: sale.discountType,
    discountValue: sale.discountValue,
    maxDiscount: sale.maxDiscount ?? null,
    minOrderAmount: sale.minOrderAmount ?? 0,
    validUntil: sale.validUntil === undefined ? null : instant(sale.validUntil),
    currency: sale.currency ?? "EUR",
    visibility: sale.visibility ?? "LISTED",
    metadata: sale.metadata ?? {},
  };
  await tx`INSERT INTO ${SALE.table} ${tx(columnNamesOf(coupons, row))}`;
  await insertAudit(tx, { actor, action: "sale.created", target: sale.id, detail: { ...sale } });
  return { id: sale.id };
}

/**
 * Writes what the operator wants under the sale's lock, together with the audit line, then calls `apply` (Redis) and only
 * then commits: two operators' orders reach Redis in the order of their commits. A failing `apply` rolls all back.
 * Asking for the state the sale has writes nothing but applies again, which repairs a Redis that missed it.
 * @returns false when there is no such sale
 */
export function setSaleState(
  sql: Sql,
  couponId: string,
  state: SaleIntent,
  actor: string,
  apply: () => Promise<unknown>,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null) return false;
    if (sale.state !== state) {
      await tx`UPDATE ${SALE.table} SET ${SALE.state} = ${state}, ${SALE.updatedAt} = now() WHERE ${SALE.id} = ${couponId}`;
      const detail = { from: sale.state, to: state };
      await insertAudit(tx, { actor, action: "sale.state", target: couponId, detail });
    }
    await apply();
    return true;
  });
}

/** What Redis made of a new total; `highestSlot` is what PostgreSQL holds. */
export type ApplyTotal = (total: number, highestSlot: number) => Promise<AppliedTotal>;
export type AppliedTotal =
  | { readonly code: "CHANGED" | "UNCHANGED" | "NOT_LOADED" }
  | { readonly code: "CONFLICT"; readonly smallestTotal: number };

export type ResizeOutcome =
  | { readonly code: "CHANGED" | "UNCHANGED" | "COUPON_NOT_FOUND" | "SALE_RECOVERING" }
  | { readonly code: "CONFLICT"; readonly smallestTotal: number };

/**
 * Gives a sale another total, in the order in which Redis never hands out a slot that PostgreSQL would refuse: shrinking,
 * Redis first, which knows what is taken; growing, PostgreSQL first, and committed, because a crash right after it then
 * leaves Redis with the smaller total. Either way the loader brings Redis up to PostgreSQL's total. Both under the sale's
 * lock, so two operators' orders reach Redis as they were committed. While the sale is being rebuilt it is refused: the
 * load has read the old total already.
 * @throws what `apply` throws while it shrinks; growing, the order stands and the loader carries it out (`onLate`)
 */
export async function resizeSale(
  sql: Sql,
  couponId: string,
  total: number,
  actor: string,
  apply: ApplyTotal,
  onLate: (error: unknown) => void,
): Promise<ResizeOutcome> {
  const { outcome, follows } = await sql.begin(async (tx): Promise<{ outcome: ResizeOutcome; follows: boolean }> => {
    const sale = await lockSale(tx, couponId);
    if (sale === null) return { outcome: { code: "COUPON_NOT_FOUND" }, follows: false };
    const { loadState, total: from } = sale;
    if (loadState === "RECOVERING" || loadState === "LOADING") {
      return { outcome: { code: "SALE_RECOVERING" }, follows: false };
    }
    const isLoaded = loadState === "LOADED";
    if (total < from && isLoaded) {
      const applied = await apply(total, await highestSlot(tx, couponId));
      if (applied.code === "CONFLICT") return { outcome: applied, follows: false };
      if (applied.code === "NOT_LOADED") return { outcome: { code: "SALE_RECOVERING" }, follows: false };
    }
    if (total !== from) {
      await tx`UPDATE ${SALE.table} SET ${SALE.total} = ${total}, ${SALE.updatedAt} = now() WHERE ${SALE.id} = ${couponId}`;
      await insertAudit(tx, { actor, action: "sale.resized", target: couponId, detail: { from, to: total } });
    }
    return { outcome: { code: total === from ? "UNCHANGED" : "CHANGED" }, follows: isLoaded && total >= from };
  });
  if (follows) await followTotal(sql, couponId, apply).catch(onLate);
  return outcome;
}

/** Gives Redis the total that PostgreSQL has now. null: the sale is not loaded (any more); its load brings the total along. */
export function followTotal(sql: Sql, couponId: string, apply: ApplyTotal): Promise<AppliedTotal | null> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale?.loadState !== "LOADED") return null;
    return await apply(sale.total, await highestSlot(tx, couponId));
  });
}

/**
 * Lets `compare` look at a sale that is loaded in this epoch, and at the highest slot that is taken, under the sale's lock: an
 * operator's change writes PostgreSQL and Redis in one transaction, and what looks like a difference may be the middle of one.
 */
export async function compareTerms(
  sql: Sql,
  couponId: string,
  epoch: number,
  compare: (sale: LockedSale, highestSlot: number) => Promise<void>,
): Promise<void> {
  await sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || sale.loadState !== "LOADED" || sale.epoch !== epoch) return;
    await compare(sale, await highestSlot(tx, couponId));
  });
}

/** One look at the end of the index on slots. */
export async function highestSlot(sql: Executor, couponId: string): Promise<number> {
  const [row] = await sql<{ slot: number | null }[]>`
    SELECT max(${CLAIM.slot}) AS slot FROM ${CLAIM.table} WHERE ${CLAIM.couponId} = ${couponId} AND ${CLAIM.status} <> 'REVOKED'`;
  return row?.slot ?? 0;
}
