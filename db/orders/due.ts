import type { Executor } from "../client.ts";

export interface DueSaga {
  readonly orderId: string;
  readonly state: unknown;
  /** How often the sweeper spoke about it. */
  readonly attempts: number;
  /** null: of an order that was cancelled before it came, which gives up nothing. */
  readonly settleBy: Date | null;
}

/** Orders that the sweeper should look at, longest waiting first. A partial index holds the open ones alone. */
export function findDueSagas(sql: Executor, now: Date, limit: number): Promise<readonly DueSaga[]> {
  return sql<DueSaga[]>`
    SELECT order_id AS "orderId", state, attempts, settle_by AS "settleBy" FROM order_sagas
    WHERE due_at <= ${now} ORDER BY due_at LIMIT ${limit}`;
}

export interface Postponed {
  readonly orderId: string;
  /** As they were read. */
  readonly attempts: number;
  /** The sweeper spoke about it this time. */
  readonly spoken: boolean;
  /** ISO 8601. */
  readonly dueAt: string;
}

/**
 * When the sweeper looks at them again. Not at orders that nothing is owed any more by now, and not at those about which
 * another sweeper spoke meanwhile.
 */
export async function postponeSagas(sql: Executor, sagas: readonly Postponed[]): Promise<void> {
  await sql`
    WITH due AS (
      SELECT s.order_id, n."dueAt", n.spoken
      FROM json_to_recordset(${JSON.stringify(sagas)}::text::json)
        AS n ("orderId" text, attempts int, spoken boolean, "dueAt" timestamptz)
      JOIN order_sagas s ON s.order_id = n."orderId" AND s.attempts = n.attempts AND s.due_at IS NOT NULL
      ORDER BY s.order_id FOR UPDATE OF s
    )
    UPDATE order_sagas s SET due_at = d."dueAt", attempts = s.attempts + d.spoken::int
    FROM due d WHERE s.order_id = d.order_id`;
}

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
