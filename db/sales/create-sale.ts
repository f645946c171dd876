import type { Executor } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";

export interface SaleToCreate {
  readonly id: string;
  readonly name: string;
  readonly total: number;
  /** RFC 3339; stored in whole milliseconds, cut off and not rounded, so that the last instant of 9999 stays in 9999. */
  readonly startsAt: string;
  readonly endsAt: string;
  readonly issueMode?: "DIRECT" | "QUEUED";
  readonly discountType: "FIXED" | "PERCENT";
  readonly discountValue: number;
  readonly maxDiscount?: number;
  readonly minOrderAmount?: number;
  /** Default EUR, as of products. */
  readonly currency?: string;
  /** RFC 3339; absent: for ever. */
  readonly validUntil?: string;
}

const instant = (text: string) => new Date(text).toISOString();

/** A new sale (load state NEW: role sale-loader brings it to Redis) and its audit line. Call it in a transaction (once.ts). */
export async function createSale<Id extends string>(
  tx: Executor,
  sale: SaleToCreate & { readonly id: Id },
  actor: string,
): Promise<{ readonly id: Id }> {
  await tx`
    INSERT INTO coupons (id, name, total, starts_at, ends_at, issue_mode, discount_type, discount_value, max_discount,
                         min_order_amount, valid_until, currency)
    VALUES (${sale.id}, ${sale.name}, ${sale.total}, ${instant(sale.startsAt)}, ${instant(sale.endsAt)},
            ${sale.issueMode ?? "DIRECT"}, ${sale.discountType}, ${sale.discountValue}, ${sale.maxDiscount ?? null},
            ${sale.minOrderAmount ?? 0}, ${sale.validUntil === undefined ? null : instant(sale.validUntil)},
            ${sale.currency ?? "EUR"})`;
  await insertAudit(tx, { actor, action: "sale.created", target: sale.id, detail: { ...sale } });
  return { id: sale.id };
}
