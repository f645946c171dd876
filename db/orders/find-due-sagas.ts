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
