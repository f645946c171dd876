import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** What changes of a payment. Times in milliseconds since 1970, texts that are not there empty. */
export interface PaymentChange {
  readonly orderId: string;
  readonly status: string;
  readonly captured: number;
  readonly refunded: number;
  readonly refundedElsewhere: number;
  readonly capturedCurrency: string;
  readonly reason: string;
  readonly reference: string;
  readonly returnWanted: boolean;
  readonly checkWanted: boolean;
  readonly attempts: number;
  /** Somebody still works on it. */
  readonly leased: boolean;
  readonly dueAt: number;
}

/** Writes payments whose rows the transaction has locked. */
export async function writePayments(sql: Executor, changes: readonly PaymentChange[]): Promise<void> {
  if (changes.length === 0) return;
  const flags = (values: readonly boolean[]) => `{${values.join(",")}}`;
  await sql`
    UPDATE payments p
    SET status = c.status, captured_amount = c.captured, refunded_amount = c.refunded,
        refunded_elsewhere = c.refunded_elsewhere,
        captured_currency = NULLIF(c.captured_currency, ''), failure_reason = NULLIF(c.reason, ''), provider_reference = NULLIF(c.reference, ''),
        return_wanted = c.return_wanted, check_wanted = c.check_wanted, attempts = c.attempts,
        lease_owner = CASE WHEN c.leased THEN p.lease_owner END,
        lease_until = CASE WHEN c.leased THEN p.lease_until END,
        next_attempt_at = to_timestamp(c.due_ms / 1000.0), updated_at = now()
    FROM unnest(${textArray(changes.map((c) => c.orderId))}::text[],
                ${textArray(changes.map((c) => c.status))}::text[],
                ${intArray(changes.map((c) => c.captured))}::bigint[],
                ${intArray(changes.map((c) => c.refunded))}::bigint[],
                ${intArray(changes.map((c) => c.refundedElsewhere))}::bigint[],
                ${textArray(changes.map((c) => c.capturedCurrency))}::text[],
                ${textArray(changes.map((c) => c.reason))}::text[],
                ${textArray(changes.map((c) => c.reference))}::text[],
                ${flags(changes.map((c) => c.returnWanted))}::boolean[],
                ${flags(changes.map((c) => c.checkWanted))}::boolean[],
                ${intArray(changes.map((c) => c.attempts))}::int[],
                ${flags(changes.map((c) => c.leased))}::boolean[],
                ${intArray(changes.map((c) => Math.ceil(c.dueAt)))}::bigint[])
      AS c (order_id, status, captured, refunded, refunded_elsewhere, captured_currency, reason, reference, return_wanted, check_wanted, attempts,
            leased, due_ms)
    WHERE p.order_id = c.order_id`;
}

export interface PaymentOutcomeRow {
  readonly orderId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly at: number;
  /** 0: not restored. */
  readonly restoredAt: number;
}

/** Writes outcomes of payments that the transaction has locked. An outcome that stands can only gain its restored_at. */
export async function writePaymentOutcomes(sql: Executor, outcomes: readonly PaymentOutcomeRow[]): Promise<void> {
  if (outcomes.length === 0) return;
  await sql`
    INSERT INTO step_outcomes (order_id, step, outcome, reason, created_at, restored_at)
    SELECT o.order_id, 'PAYMENT', o.outcome, NULLIF(o.reason, ''), to_timestamp(o.at / 1000.0),
           to_timestamp(NULLIF(o.restored_at, 0) / 1000.0)
    FROM unnest(${textArray(outcomes.map((o) => o.orderId))}::text[],
                ${textArray(outcomes.map((o) => o.outcome))}::text[],
                ${textArray(outcomes.map((o) => o.reason))}::text[],
                ${intArray(outcomes.map((o) => o.at))}::bigint[],
                ${intArray(outcomes.map((o) => o.restoredAt))}::bigint[]) AS o (order_id, outcome, reason, at, restored_at)
    ON CONFLICT (order_id, step) DO UPDATE SET restored_at = excluded.restored_at
    WHERE step_outcomes.restored_at IS NULL AND step_outcomes.outcome = 'COMPLETED'`;
}
