import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { OutcomeRow } from "./find-step-outcomes.ts";

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
      SELECT order_id FROM step_outcomes
      WHERE step = ${step} AND order_id = ANY (${textArray(orderIds)}::text[])
        AND outcome = 'COMPLETED' AND restored_at IS NULL
      ORDER BY order_id FOR NO KEY UPDATE
    )
    UPDATE step_outcomes o SET restored_at = now() FROM found WHERE o.order_id = found.order_id AND o.step = ${step}
    RETURNING o.order_id AS "orderId", o.outcome, o.reason, o.product_id AS "productId", o.created_at AS "createdAt",
              o.restored_at AS "restoredAt"`;
}
