import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { columnsOf, PAYMENT } from "../names.ts";
import { payments } from "../schema.ts";

export interface Lease {
  readonly owner: string;
  /** How long no other worker takes them, milliseconds. */
  readonly forMs: number;
  readonly limit: number;
  /** Orders that this process is at work for: one worker at a time for each, also when its lease ran out meanwhile. */
  readonly except: readonly string[];
  /** Only payments that were never tried, of other users than these; null: all. */
  readonly untriedBut: readonly string[] | null;
}

const LEASED = columnsOf(
  payments,
  [
    "orderId",
    "userId",
    "amount",
    "currency",
    "token",
    "status",
    "capturedAmount",
    "refundedAmount",
    "refundedElsewhere",
    "returnWanted",
    "checkWanted",
    "attempts",
  ],
  "p",
);

export interface LeasedPayment {
  readonly orderId: string;
  readonly userId: string;
  readonly amount: string;
  readonly currency: string;
  readonly token: string;
  readonly status: "INTENT" | "CAPTURED" | "DECLINED" | "VOIDED" | "REFUNDED";
  readonly capturedAmount: string;
  readonly refundedAmount: string;
  readonly refundedElsewhere: string;
  readonly returnWanted: boolean;
  readonly checkWanted: boolean;
  /** With this one. */
  readonly attempts: number;
}

/**
 * Takes payments that are due: not definite yet, to be given back, or to be asked about. SKIP LOCKED: a
 * locked row is being worked on. `next_attempt_at` stays as it is: it is indexed, and the lease alone keeps others away.
 */
export function leasePayments(
  sql: Executor,
  { owner, forMs, limit, except, untriedBut }: Lease,
): Promise<readonly LeasedPayment[]> {
  return sql<LeasedPayment[]>`
    UPDATE ${PAYMENT.table} p
    SET ${PAYMENT.leaseOwner} = ${owner}, ${PAYMENT.leaseUntil} = now() + ${forMs} * interval '1 millisecond',
      ${PAYMENT.attempts} = p.${PAYMENT.attempts} + 1
    FROM (SELECT ${PAYMENT.id} FROM ${PAYMENT.table}
          WHERE (${PAYMENT.status} = 'INTENT' OR (${PAYMENT.status} = 'CAPTURED'
            AND ${PAYMENT.returnWanted}) OR ${PAYMENT.checkWanted})
            AND ${PAYMENT.nextAttemptAt} <= now() AND (${PAYMENT.leaseUntil} IS NULL OR ${PAYMENT.leaseUntil} < now())
            AND ${PAYMENT.orderId} <> ALL (${textArray(except)}::text[])
            AND (${untriedBut === null}::boolean
                 OR (${PAYMENT.attempts} = 0 AND ${PAYMENT.userId} <> ALL (${textArray(untriedBut ?? [])}::text[])))
          ORDER BY ${PAYMENT.nextAttemptAt}
          LIMIT ${limit}
          FOR UPDATE SKIP LOCKED) due
    WHERE p.${PAYMENT.id} = due.${PAYMENT.id}
    RETURNING ${LEASED}`;
}
