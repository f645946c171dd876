import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { Step, StepOutcome } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** A step's row of an order: what is answered to its command and its restore, for ever. */
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

/** Those of the orders that the step has decided. */
export function findStepOutcomes(sql: Executor, step: Step, orderIds: readonly OrderId[]): Promise<OutcomeRow[]> {
  return sql<OutcomeRow[]>`
    SELECT order_id AS "orderId", outcome, reason, product_id AS "productId", created_at AS "createdAt",
           restored_at AS "restoredAt"
    FROM step_outcomes WHERE step = ${step} AND order_id = ANY (${textArray(orderIds)}::text[])`;
}
