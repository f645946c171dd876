import type { Executor } from "../client.ts";

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
