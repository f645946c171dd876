import type { Executor, Sql } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { lockSale } from "./lock-sale.ts";

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
    const { load_state, total: from } = sale;
    if (load_state === "RECOVERING" || load_state === "LOADING") {
      return { outcome: { code: "SALE_RECOVERING" }, follows: false };
    }
    const isLoaded = load_state === "LOADED";
    if (total < from && isLoaded) {
      const applied = await apply(total, await highestSlot(tx, couponId));
      if (applied.code === "CONFLICT") return { outcome: applied, follows: false };
      if (applied.code === "NOT_LOADED") return { outcome: { code: "SALE_RECOVERING" }, follows: false };
    }
    if (total !== from) {
      await tx`UPDATE coupons SET total = ${total}, updated_at = now() WHERE id = ${couponId}`;
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
    if (sale?.load_state !== "LOADED") return null;
    return await apply(sale.total, await highestSlot(tx, couponId));
  });
}

/** One look at the end of the index on slots. */
export async function highestSlot(sql: Executor, couponId: string): Promise<number> {
  const [row] = await sql<{ slot: number | null }[]>`
    SELECT max(slot) AS slot FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
  return row?.slot ?? 0;
}
