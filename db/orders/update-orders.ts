import type { OrderStatus } from "../../contracts/orders/steps.ts";
import type { Executor } from "../client.ts";

export interface OrderChange {
  readonly orderId: string;
  readonly status: OrderStatus;
  /** Why it is, or will be, cancelled. */
  readonly reason: string | null;
  readonly productId: string | null;
  /** ISO 8601; null: not settled. */
  readonly settledAt: string | null;
}

/** New statuses of orders whose saga rows the transaction holds: these are the locks, so no order of ids is needed. */
export async function updateOrders(tx: Executor, changes: readonly OrderChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx`
    UPDATE orders o
    SET status = n.status, failure_reason = n.reason, failure_product_id = n."productId", settled_at = n."settledAt",
        updated_at = now()
    FROM json_to_recordset(${JSON.stringify(changes)}::text::json)
      AS n ("orderId" text, status text, reason text, "productId" text, "settledAt" timestamptz)
    WHERE o.id = n."orderId"`;
}
