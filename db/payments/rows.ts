import type { OrderId } from "../../contracts/orders/ids.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { columnsOf, OUTCOME, PAYMENT } from "../names.ts";
import { payments } from "../schema.ts";
import { findStepOutcomes, type OutcomeRow } from "../steps/outcomes.ts";

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
 * Inserts one row per order, for its command or its restore, whichever comes first: they arrive over different topics and find
 * each other by this row. Rows go in by order id, so two batches that share orders wait for each other instead of deadlocking.
 */
export async function insertPayments(sql: Executor, payments: readonly NewPayment[]): Promise<void> {
  if (payments.length === 0) return;
  await sql`
    INSERT INTO ${PAYMENT.table} (${PAYMENT.orderId}, ${PAYMENT.userId}, ${PAYMENT.amount}, ${PAYMENT.currency},
      ${PAYMENT.token}, ${PAYMENT.status})
    SELECT * FROM unnest(${textArray(payments.map((p) => p.orderId))}::text[],
                         ${textArray(payments.map((p) => p.userId))}::text[],
                         ${intArray(payments.map((p) => p.amount))}::bigint[],
                         ${textArray(payments.map((p) => p.currency))}::text[],
                         ${textArray(payments.map((p) => p.token))}::text[],
                         ${textArray(payments.map((p) => p.status))}::text[]) AS p (order_id)
    ORDER BY p.order_id
    ON CONFLICT DO NOTHING`;
}

const PAYMENT_ROW = columnsOf(payments, [
  "orderId",
  "amount",
  "currency",
  "token",
  "status",
  "capturedAmount",
  "refundedAmount",
  "refundedElsewhere",
  "capturedCurrency",
  "failureReason",
  "providerReference",
  "returnWanted",
  "checkWanted",
  "attempts",
  "leaseOwner",
  "nextAttemptAt",
]);

export interface PaymentRow {
  readonly orderId: string;
  readonly amount: string;
  readonly currency: string;
  readonly token: string;
  readonly status: "INTENT" | "CAPTURED" | "DECLINED" | "VOIDED" | "REFUNDED";
  readonly capturedAmount: string;
  readonly refundedAmount: string;
  readonly failureReason: string | null;
  readonly providerReference: string | null;
  readonly refundedElsewhere: string;
  readonly capturedCurrency: string | null;
  readonly returnWanted: boolean;
  readonly checkWanted: boolean;
  readonly attempts: number;
  readonly leaseOwner: string | null;
  readonly nextAttemptAt: Date | null;
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
    SELECT ${PAYMENT_ROW}, now()::timestamptz(3) AS now
    FROM ${PAYMENT.table}
    WHERE ${PAYMENT.orderId} = ANY (${textArray(orderIds)}::text[])
    ORDER BY ${PAYMENT.orderId}
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
  /** A worker still holds the lease. */
  readonly leased: boolean;
  readonly dueAt: number;
}

/** Writes payments whose rows the transaction has locked. */
export async function writePayments(sql: Executor, changes: readonly PaymentChange[]): Promise<void> {
  if (changes.length === 0) return;
  const flags = (values: readonly boolean[]) => `{${values.join(",")}}`;
  await sql`
    UPDATE ${PAYMENT.table} p
    SET ${PAYMENT.status} = c.status, ${PAYMENT.capturedAmount} = c.captured, ${PAYMENT.refundedAmount} = c.refunded,
        ${PAYMENT.refundedElsewhere} = c.refunded_elsewhere,
        ${PAYMENT.capturedCurrency} = NULLIF(c.captured_currency, ''), ${PAYMENT.failureReason} = NULLIF(c.reason, ''),
        ${PAYMENT.providerReference} = NULLIF(c.reference, ''),
        ${PAYMENT.returnWanted} = c.return_wanted, ${PAYMENT.checkWanted} = c.check_wanted, ${PAYMENT.attempts} = c.attempts,
        ${PAYMENT.leaseOwner} = CASE WHEN c.leased THEN p.${PAYMENT.leaseOwner} END,
        ${PAYMENT.leaseUntil} = CASE WHEN c.leased THEN p.${PAYMENT.leaseUntil} END,
        ${PAYMENT.nextAttemptAt} = to_timestamp(c.due_ms / 1000.0), ${PAYMENT.updatedAt} = now()
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
    WHERE p.${PAYMENT.orderId} = c.order_id`;
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
    INSERT INTO ${OUTCOME.table} (${OUTCOME.orderId}, ${OUTCOME.step}, ${OUTCOME.outcome}, ${OUTCOME.reason},
      ${OUTCOME.createdAt}, ${OUTCOME.restoredAt})
    SELECT o.order_id, 'PAYMENT', o.outcome, NULLIF(o.reason, ''), to_timestamp(o.at / 1000.0),
           to_timestamp(NULLIF(o.restored_at, 0) / 1000.0)
    FROM unnest(${textArray(outcomes.map((o) => o.orderId))}::text[],
                ${textArray(outcomes.map((o) => o.outcome))}::text[],
                ${textArray(outcomes.map((o) => o.reason))}::text[],
                ${intArray(outcomes.map((o) => o.at))}::bigint[],
                ${intArray(outcomes.map((o) => o.restoredAt))}::bigint[]) AS o (order_id, outcome, reason, at, restored_at)
    ON CONFLICT (${OUTCOME.orderId}, ${OUTCOME.step}) DO UPDATE SET ${OUTCOME.restoredAt} = excluded.${OUTCOME.restoredAt}
    WHERE ${OUTCOME.table}.${OUTCOME.restoredAt} IS NULL AND ${OUTCOME.table}.${OUTCOME.outcome} = 'COMPLETED'`;
}

/** What a transaction writes into the payments that it has locked. */
export interface PaymentWrites {
  readonly changes: readonly PaymentChange[];
  readonly outcomes: readonly PaymentOutcomeRow[];
}

/**
 * The one way in which payments change. One transaction: inserts new ones, locks those of the orders in order of their ids, and
 * writes what `decide` makes of them and their outcomes.
 * @throws the driver's error: nothing was written
 */
export async function changeLockedPayments(
  sql: Sql,
  orderIds: readonly OrderId[],
  fresh: readonly NewPayment[],
  decide: (rows: readonly PaymentRow[], said: readonly OutcomeRow[]) => PaymentWrites,
): Promise<void> {
  await sql.begin(async (tx) => {
    // Sent together: one round trip. The outcomes by a statement that begins when the locks are held.
    const [, rows, said] = await Promise.all([
      insertPayments(tx, fresh),
      lockPayments(tx, orderIds),
      findStepOutcomes(tx, "PAYMENT", orderIds),
    ]);
    const { changes, outcomes } = decide(rows, said);
    await Promise.all([writePayments(tx, changes), writePaymentOutcomes(tx, outcomes)]);
  });
}
