import type { Executor } from "../client.ts";

export interface Surveyed {
  /** OPEN: somebody still owes the order an answer. OVERDUE: open although its time is over; one of OPEN, too. */
  readonly what: "OPEN" | "OVERDUE" | "PAYMENT" | "PARKED";
  /** The order's status, what the payment waits for (CHARGE, REFUND, CHECK), the parked command's step. */
  readonly name: string;
  readonly count: number;
  /** Age of the oldest, seconds. */
  readonly oldestS: number;
}

/**
 * What is under way, counted and aged: for whoever is woken up. Each part reads a partial index, or a table that is empty on
 * good days; what is settled is never looked at.
 */
export function surveyOrders(sql: Executor): Promise<readonly Surveyed[]> {
  return sql<Surveyed[]>`
    SELECT what, name, count(*)::int AS count, extract(epoch FROM now() - min(since))::float8 AS "oldestS"
    FROM (
      SELECT 'OPEN' AS what, status AS name, created_at AS since FROM order_sagas WHERE due_at IS NOT NULL
      UNION ALL
      SELECT 'OVERDUE', status, created_at FROM order_sagas WHERE due_at IS NOT NULL AND settle_by < now()
      UNION ALL
      SELECT 'PAYMENT', CASE WHEN status = 'INTENT' THEN 'CHARGE'
                             WHEN status = 'CAPTURED' AND return_wanted THEN 'REFUND' ELSE 'CHECK' END,
             -- A payment may be asked about long after its order: that is as old as its last try.
             CASE WHEN check_wanted AND status <> 'INTENT' THEN updated_at ELSE created_at END
      FROM payments WHERE status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted
      UNION ALL
      SELECT 'PARKED', step, created_at FROM delayed_commands
    ) waiting
    GROUP BY what, name`;
}
