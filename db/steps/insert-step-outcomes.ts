import type { Step } from "../../contracts/orders/steps.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { OutcomeRow } from "./find-step-outcomes.ts";

export type NewOutcome = Pick<OutcomeRow, "orderId" | "outcome" | "reason" | "productId">;

/**
 * Writes what the step decided and returns the rows that were written; an order that is missing in the answer was decided
 * by somebody else meanwhile. Empty text stands for NULL, which a text array cannot hold without quoting every value.
 */
export function insertStepOutcomes(
  tx: Executor,
  step: Step,
  outcomes: readonly NewOutcome[],
): Promise<readonly OutcomeRow[]> {
  return tx<OutcomeRow[]>`
    INSERT INTO step_outcomes (order_id, step, outcome, reason, product_id)
    SELECT o.order_id, ${step}, o.outcome, nullif(o.reason, ''), nullif(o.product_id, '')
    FROM unnest(${textArray(outcomes.map((o) => o.orderId))}::text[],
                ${textArray(outcomes.map((o) => o.outcome))}::text[],
                ${textArray(outcomes.map((o) => o.reason ?? ""))}::text[],
                ${textArray(outcomes.map((o) => o.productId ?? ""))}::text[]) AS o (order_id, outcome, reason, product_id)
    ORDER BY o.order_id
    ON CONFLICT DO NOTHING
    RETURNING order_id AS "orderId", outcome, reason, product_id AS "productId", created_at AS "createdAt",
              restored_at AS "restoredAt"`;
}
