import type { Sql } from "../client.ts";
import type { SaleIntent } from "../schema.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { lockSale } from "./lock-sale.ts";

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
      await tx`UPDATE coupons SET state = ${state}, updated_at = now() WHERE id = ${couponId}`;
      const detail = { from: sale.state, to: state };
      await insertAudit(tx, { actor, action: "sale.state", target: couponId, detail });
    }
    await apply();
    return true;
  });
}
