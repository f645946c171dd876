import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { type SagaChange, sagaArrays } from "./update-sagas.ts";

/** A saga that has no row yet. */
export interface NewSaga extends SagaChange {
  /** ISO 8601; null: only a request to cancel came so far. */
  readonly settleBy: string | null;
}

/**
 * @returns how many were inserted. Fewer than given: another batch has inserted the same order meanwhile; roll back and
 * look again, because what was decided here did not know of it.
 */
export async function insertSagas(tx: Executor, sagas: readonly NewSaga[]): Promise<number> {
  if (sagas.length === 0) return 0;
  const { count } = await tx`
    INSERT INTO order_sagas (order_id, status, version, state, due_at, settle_by)
    SELECT s.order_id, s.status, s.transitions, s.state::json, nullif(s.due_at, '')::timestamptz,
           nullif(s.settle_by, '')::timestamptz
    FROM unnest(${sagaArrays(tx, sagas)},
                ${textArray(sagas.map((s) => s.dueAt ?? ""))}::text[],
                ${textArray(sagas.map((s) => s.settleBy ?? ""))}::text[])
      AS s (order_id, status, transitions, state, due_at, settle_by)
    ORDER BY s.order_id COLLATE "C"
    ON CONFLICT (order_id) DO NOTHING`;
  return count;
}
