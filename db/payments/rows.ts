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
 * (steps/outcomes.ts): the writer of a PAYMENT outcome holds its payment's lock, and a statement that waited for a lock
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
