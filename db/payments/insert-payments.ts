import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface NewPayment {
  readonly orderId: string;
  readonly userId: string;
  readonly amount: number;
  readonly currency: string;
  readonly token: string;
  /** VOIDED: its restore came first. DECLINED: its command can't be read. Neither will ever be charged. */
  readonly status: "INTENT" | "VOIDED" | "DECLINED";
}

/**
 * A row per order, whoever comes first: the row is what a command and its restore, which come over different topics, meet
 * at. Rows go in by order id, so two batches that share orders wait for each other instead of deadlocking.
 */
export async function insertPayments(sql: Executor, payments: readonly NewPayment[]): Promise<void> {
  if (payments.length === 0) return;
  await sql`
    INSERT INTO payments (order_id, user_id, amount, currency, token, status)
    SELECT * FROM unnest(${textArray(payments.map((p) => p.orderId))}::text[],
                         ${textArray(payments.map((p) => p.userId))}::text[],
                         ${intArray(payments.map((p) => p.amount))}::bigint[],
                         ${textArray(payments.map((p) => p.currency))}::text[],
                         ${textArray(payments.map((p) => p.token))}::text[],
                         ${textArray(payments.map((p) => p.status))}::text[]) AS p (order_id)
    ORDER BY p.order_id
    ON CONFLICT DO NOTHING`;
}
