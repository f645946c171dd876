import type { SagaState } from "../../contracts/orders/saga-state.ts";
import type { OrderStatus } from "../../contracts/orders/steps.ts";
import { intArray, jsonTexts, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { SAGA } from "../names.ts";

/**
 * Locks the sagas of a batch until the transaction ends and tells their versions; an order without a saga has no
 * row. In the order of their ids: two batches that share orders wait for each other instead of deadlocking.
 */
export async function lockSagas(tx: Executor, orderIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx<{ orderId: string; version: number }[]>`
    SELECT ${SAGA.orderId} AS "orderId", ${SAGA.version} FROM ${SAGA.table}
    WHERE ${SAGA.orderId} = ANY (${textArray(orderIds)}::text[]) ORDER BY ${SAGA.orderId} FOR UPDATE`;
  return new Map(rows.map(({ orderId, version }) => [orderId, version]));
}

/** The states of sagas. A transaction that writes them has locked them before (lockSagas). */
export function readSagas(
  tx: Executor,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly state: unknown }[]> {
  return tx<{ orderId: string; state: unknown }[]>`
    SELECT ${SAGA.orderId} AS "orderId", ${SAGA.state} FROM ${SAGA.table}
      WHERE ${SAGA.orderId} = ANY (${textArray(orderIds)}::text[])`;
}

export interface SagaUpdate {
  readonly orderId: string;
  readonly status: OrderStatus;
  /** How many events of the batch changed it. */
  readonly transitions: number;
  readonly state: SagaState;
  /** When the sweeper looks next, ISO 8601; null: never again; absent: as it was. */
  readonly dueAt?: string | null;
}

/** order_id, status, transitions and state of sagas, for unnest. */
export const sagaArrays = (tx: Executor, sagas: readonly SagaUpdate[]) => {
  const states = sagas.map((s) => s.state);
  return tx`${textArray(sagas.map((s) => s.orderId))}::text[], ${textArray(sagas.map((s) => s.status))}::text[],
            ${intArray(sagas.map((s) => s.transitions))}::int[], ${jsonTexts(tx, states)}`;
};

/**
 * The new states of a batch, one UPDATE: 15 µs of PostgreSQL's CPU a row instead of the 30 of json_to_recordset, which reads every
 * state three times. An unchanged due_at keeps the update on its page (its index is not touched).
 */
export async function updateSagas(tx: Executor, sagas: readonly SagaUpdate[]): Promise<void> {
  if (sagas.length === 0) return;
  await tx`
    UPDATE ${SAGA.table} s
    SET ${SAGA.status} = n.status, ${SAGA.version} = s.${SAGA.version} + n.transitions, ${SAGA.state} = n.state::json,
      ${SAGA.updatedAt} = now(),
        ${SAGA.dueAt} = CASE n.due WHEN 'same' THEN s.${SAGA.dueAt} ELSE nullif(n.due, 'never')::timestamptz END
    FROM unnest(${sagaArrays(tx, sagas)},
                ${textArray(sagas.map((s) => (s.dueAt === undefined ? "same" : (s.dueAt ?? "never"))))}::text[])
      AS n (order_id, status, transitions, state, due)
    WHERE s.${SAGA.orderId} = n.order_id`;
}

/** A saga that has no row yet. */
export interface NewSaga extends SagaUpdate {
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
    INSERT INTO ${SAGA.table} (${SAGA.orderId}, ${SAGA.status}, ${SAGA.version}, ${SAGA.state}, ${SAGA.dueAt}, ${SAGA.settleBy})
    SELECT s.order_id, s.status, s.transitions, s.state::json, nullif(s.due_at, '')::timestamptz,
           nullif(s.settle_by, '')::timestamptz
    FROM unnest(${sagaArrays(tx, sagas)},
                ${textArray(sagas.map((s) => s.dueAt ?? ""))}::text[],
                ${textArray(sagas.map((s) => s.settleBy ?? ""))}::text[])
      AS s (order_id, status, transitions, state, due_at, settle_by)
    ORDER BY s.order_id COLLATE "C"
    ON CONFLICT (${SAGA.orderId}) DO NOTHING`;
  return count;
}
