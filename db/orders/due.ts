import type { Executor } from "../client.ts";
import { PARKED, PAYMENT, SAGA } from "../names.ts";

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
    SELECT ${SAGA.orderId} AS "orderId", ${SAGA.state}, ${SAGA.attempts}, ${SAGA.settleBy} AS "settleBy" FROM ${SAGA.table}
    WHERE ${SAGA.dueAt} <= ${now} ORDER BY ${SAGA.dueAt} LIMIT ${limit}`;
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
      SELECT s.${SAGA.orderId}, n."dueAt", n.spoken
      FROM json_to_recordset(${JSON.stringify(sagas)}::text::json)
        AS n ("orderId" text, attempts int, spoken boolean, "dueAt" timestamptz)
      JOIN ${SAGA.table} s ON s.${SAGA.orderId} = n."orderId" AND s.${SAGA.attempts} = n.attempts AND s.${SAGA.dueAt} IS NOT NULL
      ORDER BY s.${SAGA.orderId} FOR UPDATE OF s
    )
    UPDATE ${SAGA.table} s SET ${SAGA.dueAt} = d."dueAt", ${SAGA.attempts} = s.${SAGA.attempts} + d.spoken::int
    FROM due d WHERE s.${SAGA.orderId} = d.${SAGA.orderId}`;
}

export interface Surveyed {
  /** OPEN: a step or the saga has not answered yet. OVERDUE: open although its time is over; counted in OPEN, too. */
  readonly what: "OPEN" | "OVERDUE" | "PAYMENT" | "PARKED";
  /** The order's status, what the payment waits for (CHARGE, REFUND, CHECK), the parked command's step. */
  readonly name: string;
  readonly count: number;
  /** Age of the oldest, seconds. */
  readonly oldestS: number;
}

/**
 * Orders, payments and parked commands that are under way, counted, with their ages: for the operator on call. Each part reads a
 * partial index, or a table that is usually empty; settled rows are not read.
 */
export function surveyOrders(sql: Executor): Promise<readonly Surveyed[]> {
  return sql<Surveyed[]>`
    SELECT what, name, count(*)::int AS count, extract(epoch FROM now() - min(since))::float8 AS "oldestS"
    FROM (
      SELECT 'OPEN' AS what, ${SAGA.status} AS name, ${SAGA.createdAt} AS since FROM ${SAGA.table} WHERE ${SAGA.dueAt} IS NOT NULL
      UNION ALL
      SELECT 'OVERDUE', ${SAGA.status}, ${SAGA.createdAt} FROM ${SAGA.table} WHERE ${SAGA.dueAt} IS NOT NULL
        AND ${SAGA.settleBy} < now()
      UNION ALL
      SELECT 'PAYMENT', CASE WHEN ${PAYMENT.status} = 'INTENT' THEN 'CHARGE'
                             WHEN ${PAYMENT.status} = 'CAPTURED' AND ${PAYMENT.returnWanted} THEN 'REFUND' ELSE 'CHECK' END,
             -- A payment may be asked about long after its order: that is as old as its last try.
             CASE WHEN ${PAYMENT.checkWanted}
             AND ${PAYMENT.status} <> 'INTENT' THEN ${PAYMENT.updatedAt} ELSE ${PAYMENT.createdAt} END
      FROM ${PAYMENT.table} WHERE ${PAYMENT.status} = 'INTENT' OR (${PAYMENT.status} = 'CAPTURED'
        AND ${PAYMENT.returnWanted}) OR ${PAYMENT.checkWanted}
      UNION ALL
      SELECT 'PARKED', ${PARKED.step}, ${PARKED.createdAt} FROM ${PARKED.table}
    ) waiting
    GROUP BY what, name`;
}
