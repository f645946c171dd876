import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { Step, StepOutcome } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { columnsOf, OUTCOME } from "../names.ts";
import { stepOutcomes } from "../schema.ts";

/** A step's row of an order: the answer to its command and its restore; it never changes. */
export interface OutcomeRow {
  readonly orderId: OrderId;
  readonly outcome: StepOutcome;
  /** Of FAILED. */
  readonly reason: ResultCode | null;
  /** The product that a refusal is about. */
  readonly productId: ProductId | null;
  readonly createdAt: Date;
  /** When the effect of a COMPLETED step was taken back. */
  readonly restoredAt: Date | null;
}

const ROW_KEYS = ["orderId", "outcome", "reason", "productId", "createdAt", "restoredAt"] as const;
const ROW = columnsOf(stepOutcomes, ROW_KEYS);
const RETURNED = columnsOf(stepOutcomes, ROW_KEYS, "o");

/** Those of the orders that the step has decided. */
export function findStepOutcomes(sql: Executor, step: Step, orderIds: readonly OrderId[]): Promise<OutcomeRow[]> {
  return sql<OutcomeRow[]>`
    SELECT ${ROW}
    FROM ${OUTCOME.table} WHERE ${OUTCOME.step} = ${step} AND ${OUTCOME.orderId} = ANY (${textArray(orderIds)}::text[])`;
}

export type NewOutcome = Pick<OutcomeRow, "orderId" | "outcome" | "reason" | "productId">;

/**
 * Writes what the step decided and returns the rows that were written; an order that is missing in the answer was decided
 * by another batch meanwhile. Empty text stands for NULL, which a text array cannot hold without quoting every value.
 */
export function insertStepOutcomes(
  tx: Executor,
  step: Step,
  outcomes: readonly NewOutcome[],
): Promise<readonly OutcomeRow[]> {
  return tx<OutcomeRow[]>`
    INSERT INTO ${OUTCOME.table} (${OUTCOME.orderId}, ${OUTCOME.step}, ${OUTCOME.outcome}, ${OUTCOME.reason}, ${OUTCOME.productId})
    SELECT o.order_id, ${step}, o.outcome, nullif(o.reason, ''), nullif(o.product_id, '')
    FROM unnest(${textArray(outcomes.map((o) => o.orderId))}::text[],
                ${textArray(outcomes.map((o) => o.outcome))}::text[],
                ${textArray(outcomes.map((o) => o.reason ?? ""))}::text[],
                ${textArray(outcomes.map((o) => o.productId ?? ""))}::text[]) AS o (order_id, outcome, reason, product_id)
    ORDER BY o.order_id
    ON CONFLICT DO NOTHING
    RETURNING ${ROW}`;
}

/**
 * Notes that the effects of completed steps are taken back, each at most once. Rows are locked by order id, in which new
 * ones are inserted too. @returns the rows that were marked
 */
export function markStepsRestored(
  tx: Executor,
  step: Step,
  orderIds: readonly OrderId[],
): Promise<readonly OutcomeRow[]> {
  return tx<OutcomeRow[]>`
    WITH found AS (
      SELECT ${OUTCOME.orderId} FROM ${OUTCOME.table}
      WHERE ${OUTCOME.step} = ${step} AND ${OUTCOME.orderId} = ANY (${textArray(orderIds)}::text[])
        AND ${OUTCOME.outcome} = 'COMPLETED' AND ${OUTCOME.restoredAt} IS NULL
      ORDER BY ${OUTCOME.orderId} FOR NO KEY UPDATE
    )
    UPDATE ${OUTCOME.table} o SET ${OUTCOME.restoredAt} = now() FROM found
      WHERE o.${OUTCOME.orderId} = found.${OUTCOME.orderId} AND o.${OUTCOME.step} = ${step}
    RETURNING ${RETURNED}`;
}
