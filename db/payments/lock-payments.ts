import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface PaymentRow {
  readonly order_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly token: string;
  readonly status: "INTENT" | "CAPTURED" | "DECLINED" | "VOIDED" | "REFUNDED";
  readonly captured_amount: string;
  readonly refunded_amount: string;
  readonly failure_reason: string | null;
  readonly provider_reference: string | null;
  readonly refunded_elsewhere: string;
  readonly captured_currency: string | null;
  readonly return_wanted: boolean;
  readonly check_wanted: boolean;
  readonly attempts: number;
  readonly lease_owner: string | null;
  readonly next_attempt_at: Date | null;
  /** The transaction's time, in whole milliseconds as the columns have them. */
  readonly now: Date;
}

/**
 * Locks payments in order of their order ids and reads them. Their outcomes are read by the next statement
 * (find-step-outcomes.ts): the writer of a PAYMENT outcome holds its payment's lock, and a statement that waited for a lock
 * sees the locked row as it is now, but everything it joins as it was before the wait.
 */
export function lockPayments(sql: Executor, orderIds: readonly string[]): Promise<readonly PaymentRow[]> {
  return sql<PaymentRow[]>`
    SELECT order_id, amount, currency, token, status, captured_amount, refunded_amount, refunded_elsewhere,
           captured_currency, failure_reason, provider_reference, return_wanted, check_wanted, attempts, lease_owner, next_attempt_at,
           now()::timestamptz(3) AS now
    FROM payments
    WHERE order_id = ANY (${textArray(orderIds)}::text[])
    ORDER BY order_id
    FOR UPDATE`;
}
