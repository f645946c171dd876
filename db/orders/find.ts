import { idRangesOf, type OrderId, type OrderNumber, orderNumberOf } from "../../contracts/orders/ids.ts";
import {
  type PlacedOrder,
  readSagaState,
  type SagaState,
  type StepState,
  stepsOf,
} from "../../contracts/orders/saga-state.ts";
import { type OrderStatus, STEPS, type Step, type StepOutcome } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Executor } from "../client.ts";
import { LINE, ORDER, OUTCOME, SAGA } from "../names.ts";

/** An order as users and operators see it. */
export type OrderState = Pick<SagaState, "status" | "steps" | "failure"> & { readonly order: PlacedOrder };

/**
 * An order as its saga has it, and one that finished so long ago that its saga is gone. null: there is none (a
 * saga that has seen only a request to cancel is not shown).
 */
export async function findOrder(sql: Executor, orderId: string): Promise<OrderState | null> {
  const [row] = await sql<
    { state: unknown }[]
  >`SELECT ${SAGA.state} FROM ${SAGA.table} WHERE ${SAGA.orderId} = ${orderId}`;
  if (row === undefined) return findFinishedOrder(sql, orderId);
  const state = readSagaState(row.state);
  return state.order === null ? null : { ...state, order: state.order };
}

interface Row {
  readonly status: OrderStatus;
  readonly reason: ResultCode | null;
  readonly productId: PlacedOrder["items"][number]["productId"] | null;
  readonly order: Omit<PlacedOrder, "items" | "flashItems" | "payment">;
  readonly items: PlacedOrder["items"];
  readonly outcomes: readonly OutcomeRow[] | null;
}
interface OutcomeRow {
  readonly step: Step;
  readonly outcome: StepOutcome;
  readonly reason: ResultCode | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly restoredAt: number | null;
}

/**
 * A settled order whose saga role retention has taken: from the order, its lines and its steps' outcomes, which stay. When a
 * step was requested is not known any more. null: no such order, or its saga has not been taken.
 */
export async function findFinishedOrder(sql: Executor, orderId: string): Promise<OrderState | null> {
  const [row] = await sql<Row[]>`
    SELECT o.${ORDER.status}, o.${ORDER.failureReason} AS reason, o.${ORDER.failureProductId} AS "productId",
      json_build_object('orderId', o.${ORDER.id}, 'userId', o.${ORDER.userId}, 'orderNumber', o.${ORDER.orderNumber},
      'source', o.${ORDER.source},
        'currency', o.${ORDER.currency}, 'totalAmount', o.${ORDER.totalAmount}, 'discountAmount', o.${ORDER.discountAmount},
        'pointsUsed', o.${ORDER.pointsUsed}, 'payableAmount', o.${ORDER.payableAmount}, 'couponId', o.${ORDER.couponId},
        'shipping', o.${ORDER.shipping},
        'createdAt', (extract(epoch FROM o.${ORDER.createdAt}) * 1000)::bigint) AS order,
      (SELECT json_agg(json_build_object('productId', i.${LINE.productId}, 'quantity', i.${LINE.quantity}, 'unitPrice',
      i.${LINE.unitPrice})
                       ORDER BY i.${LINE.productId}) FROM ${LINE.table} i WHERE i.${LINE.orderId} = o.${ORDER.id}) AS items,
      (SELECT json_agg(json_build_object('step', s.${OUTCOME.step}, 'outcome', s.${OUTCOME.outcome}, 'reason', s.${OUTCOME.reason},
                       'at', (extract(epoch FROM s.${OUTCOME.createdAt}) * 1000)::bigint,
                       'restoredAt', (extract(epoch FROM s.${OUTCOME.restoredAt}) * 1000)::bigint))
       FROM ${OUTCOME.table} s WHERE s.${OUTCOME.orderId} = o.${ORDER.id}) AS outcomes
    FROM ${ORDER.table} o WHERE o.${ORDER.id} = ${orderId} AND o.${ORDER.sagaTakenAt} IS NOT NULL`;
  if (row === undefined) return null;
  // The token is deleted; which lines were flash products is not used any more.
  const order: PlacedOrder = { ...row.order, items: row.items, flashItems: [], payment: { token: "" } };
  const { status, reason, productId } = row;
  const failure = reason === null ? {} : { failure: { reason, ...(productId === null ? {} : { productId }) } };
  return { status, order, steps: stepsBy(status, order, row.outcomes ?? []), ...failure };
}

/** A completed order did not need a step without an outcome: the step is one of its skipped steps, or was added after the order. */
function stepsBy(status: OrderStatus, order: PlacedOrder, outcomes: readonly OutcomeRow[]): SagaState["steps"] {
  const steps: Record<Step, StepState> = { ...stepsOf(order) };
  if (status === "COMPLETED") for (const step of STEPS) steps[step] = { status: "SKIPPED" };
  for (const one of outcomes) steps[one.step] = stepBy(one);
  return steps;
}

function stepBy({ outcome, reason, at, restoredAt }: OutcomeRow): StepState {
  switch (outcome) {
    case "FAILED":
      return { status: "FAILED", ...(reason === null ? {} : { reason }) };
    case "TOMBSTONE": // restored before it was done
      return { status: "RESTORED", restoredAt: restoredAt ?? at };
    case "COMPLETED":
      return restoredAt === null
        ? { status: "COMPLETED", completedAt: at }
        : { status: "RESTORED", completedAt: at, restoredAt };
  }
}

/** Ids of the orders with this number, of any user: hardly ever more than one. */
export async function findNumberedOrders(sql: Executor, number: OrderNumber): Promise<OrderId[]> {
  const [low, high] = idRangesOf(number) as [{ from: string; below: string }, { from: string; below: string }];
  const rows = await sql<{ id: OrderId }[]>`
    SELECT ${ORDER.id} FROM ${ORDER.table} WHERE (${ORDER.id} >= ${low.from}
      AND ${ORDER.id} < ${low.below}) OR (${ORDER.id} >= ${high.from} AND ${ORDER.id} < ${high.below})
    UNION
    SELECT ${SAGA.orderId} FROM ${SAGA.table}
    WHERE (${SAGA.orderId} >= ${low.from} AND ${SAGA.orderId} < ${low.below}) OR (${SAGA.orderId} >= ${high.from}
      AND ${SAGA.orderId} < ${high.below})`;
  return rows.map(({ id }) => id).filter((id) => orderNumberOf(id) === number);
}
