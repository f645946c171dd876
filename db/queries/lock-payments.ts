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
  readonly return_wanted: boolean;
  readonly attempts: number;
  readonly lease_owner: string | null;
  readonly next_attempt_at: Date | null;
  readonly outcome: "COMPLETED" | "FAILED" | "TOMBSTONE" | null;
  readonly reason: string | null;
  readonly outcome_at: Date | null;
  readonly restored_at: Date | null;
  /** The transaction's time, in whole milliseconds as the columns have them. */
  readonly now: Date;
}

/**
 * Locks payments in order of their order ids and reads them with their outcomes. Whoever writes a PAYMENT outcome holds its
 * payment's lock, so the outcome needs none of its own (FOR UPDATE could not take it through the outer join anyway).
 */
export function lockPayments(sql: Executor, orderIds: readonly string[]): Promise<readonly PaymentRow[]> {
  return sql<PaymentRow[]>`
    SELECT p.order_id, p.amount, p.currency, p.token, p.status, p.captured_amount, p.refunded_amount, p.failure_reason,
           p.provider_reference, p.return_wanted, p.attempts, p.lease_owner, p.next_attempt_at,
           o.outcome, o.reason, o.created_at AS outcome_at, o.restored_at, now()::timestamptz(3) AS now
    FROM payments p LEFT JOIN step_outcomes o ON o.order_id = p.order_id AND o.step = 'PAYMENT'
    WHERE p.order_id = ANY (${textArray(orderIds)}::text[])
    ORDER BY p.order_id
    FOR UPDATE OF p`;
}
