import { type PlacedOrder, readSagaState, type SagaState } from "../../contracts/orders/saga-state.ts";
import type { Executor } from "../client.ts";
import { findFinishedOrder } from "./find-finished-order.ts";

/** An order as somebody is shown it. */
export type OrderState = Pick<SagaState, "status" | "steps" | "failure"> & { readonly order: PlacedOrder };

/**
 * An order as its saga has it, and one that finished so long ago that its saga is gone. null: the saga has not seen it (of a
 * request to cancel alone nobody is shown anything).
 */
export async function findOrder(sql: Executor, orderId: string): Promise<OrderState | null> {
  const [row] = await sql<{ state: unknown }[]>`SELECT state FROM order_sagas WHERE order_id = ${orderId}`;
  if (row === undefined) return findFinishedOrder(sql, orderId);
  const state = readSagaState(row.state);
  return state.order === null ? null : { ...state, order: state.order };
}
