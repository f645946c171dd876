import type { SagaState } from "../../contracts/saga-state.ts";
import type { OrderStatus } from "../../contracts/steps.ts";
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

/**
 * The new states of a batch, one UPDATE. Rows go over as one JSON text: an array of states as json[] would escape every
 * quotation mark of every state twice. An unchanged due_at keeps the update on its page (its index is not touched).
 */
export async function updateSagas(tx: Executor, sagas: readonly SagaChange[]): Promise<void> {
  if (sagas.length === 0) return;
  const rows = sagas.map((saga) => ({ ...saga, moved: saga.dueAt !== undefined }));
  await tx`
    UPDATE order_sagas s
    SET status = n.status, version = s.version + n.transitions, state = n.state, updated_at = now(),
        due_at = CASE WHEN n.moved THEN n."dueAt" ELSE s.due_at END
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS n ("orderId" text, status text, transitions int, state json, moved boolean, "dueAt" timestamptz)
    WHERE s.order_id = n."orderId"`;
}
