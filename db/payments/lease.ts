import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface Lease {
  readonly owner: string;
  /** How long nobody else takes them, milliseconds. */
  readonly forMs: number;
  readonly limit: number;
  /** Orders that this process is at work for: one worker at a time for each, also when its lease ran out meanwhile. */
  readonly except: readonly string[];
  /** Only payments that were never tried, of other users than these; null: all. */
  readonly untriedBut: readonly string[] | null;
}

export interface LeasedPayment {
  readonly order_id: string;
  readonly user_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly token: string;
  readonly status: "INTENT" | "CAPTURED" | "DECLINED" | "VOIDED" | "REFUNDED";
  readonly captured_amount: string;
  readonly refunded_amount: string;
  readonly refunded_elsewhere: string;
  readonly return_wanted: boolean;
  readonly check_wanted: boolean;
  /** With this one. */
  readonly attempts: number;
}

/**
 * Takes payments that are due: not definite yet, to be given back, or to be asked about. SKIP LOCKED, because whose row is locked is
 * being looked after. `next_attempt_at` stays as it is: it is indexed, and the lease alone keeps others away.
 */
export function leasePayments(
  sql: Executor,
  { owner, forMs, limit, except, untriedBut }: Lease,
): Promise<readonly LeasedPayment[]> {
  return sql<LeasedPayment[]>`
    UPDATE payments p
    SET lease_owner = ${owner}, lease_until = now() + ${forMs} * interval '1 millisecond', attempts = p.attempts + 1
    FROM (SELECT id FROM payments
          WHERE (status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted)
            AND next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
            AND order_id <> ALL (${textArray(except)}::text[])
            AND (${untriedBut === null}::boolean
                 OR (attempts = 0 AND user_id <> ALL (${textArray(untriedBut ?? [])}::text[])))
          ORDER BY next_attempt_at
          LIMIT ${limit}
          FOR UPDATE SKIP LOCKED) due
    WHERE p.id = due.id
    RETURNING p.order_id, p.user_id, p.amount, p.currency, p.token, p.status, p.captured_amount, p.refunded_amount,
              p.refunded_elsewhere, p.return_wanted, p.check_wanted, p.attempts`;
}
