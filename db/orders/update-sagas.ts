import type { SagaState } from "../../contracts/orders/saga-state.ts";
import type { OrderStatus } from "../../contracts/orders/steps.ts";
import { intArray, jsonTexts, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface SagaChange {
  readonly orderId: string;
  readonly status: OrderStatus;
  /** How many events of the batch changed it. */
  readonly transitions: number;
  readonly state: SagaState;
  /** When the sweeper looks next, ISO 8601; null: never again; absent: as it was. */
  readonly dueAt?: string | null;
}

/** order_id, status, transitions and state of sagas, for unnest. */
export const sagaArrays = (tx: Executor, sagas: readonly SagaChange[]) => {
  const states = sagas.map((s) => s.state);
  return tx`${textArray(sagas.map((s) => s.orderId))}::text[], ${textArray(sagas.map((s) => s.status))}::text[],
            ${intArray(sagas.map((s) => s.transitions))}::int[], ${jsonTexts(tx, states)}`;
};

/**
 * The new states of a batch, one UPDATE: 15 µs of PostgreSQL's CPU a row instead of the 30 of json_to_recordset, which reads every
 * state three times. An unchanged due_at keeps the update on its page (its index is not touched).
 */
export async function updateSagas(tx: Executor, sagas: readonly SagaChange[]): Promise<void> {
  if (sagas.length === 0) return;
  await tx`
    UPDATE order_sagas s
    SET status = n.status, version = s.version + n.transitions, state = n.state::json, updated_at = now(),
        due_at = CASE n.due WHEN 'same' THEN s.due_at ELSE nullif(n.due, 'never')::timestamptz END
    FROM unnest(${sagaArrays(tx, sagas)},
                ${textArray(sagas.map((s) => (s.dueAt === undefined ? "same" : (s.dueAt ?? "never"))))}::text[])
      AS n (order_id, status, transitions, state, due)
    WHERE s.order_id = n.order_id`;
}
