import type { TransactionSql } from "postgres";
import { STEPS } from "../../contracts/orders/steps.ts";

/** How many there are of everything, and how many orders are still under way. */
export interface OrderCounts {
  readonly orders: number;
  readonly open: number;
  readonly products: number;
  readonly purses: number;
  readonly coupons: number;
  readonly payments: number;
  readonly outcomes: number;
}

/** A column for each step, named as the step in small letters. */
const columnOf = (step: string) => step.toLowerCase();
const STEPS_STAND = STEPS.map((step) => `coalesce(t.${columnOf(step)}, false) AS ${columnOf(step)}`).join(", ");
const STANDING_STEPS = STEPS.map((step) => `bool_or(step = '${step}') AS ${columnOf(step)}`).join(", ");

/**
 * Every order in one line, for the checks of this snapshot to join: its amounts, whether it is still open (a cancelled one
 * with an effect that is being restored is), and which steps stand, that is, are done and not taken back. A step's row and
 * its effect are written in one transaction, so the two agree at every moment; what the order's status says about a step
 * holds once the order is not open any more.
 */
export async function stageOrders(tx: TransactionSql): Promise<OrderCounts> {
  await tx`
    CREATE TEMP TABLE stage_orders ON COMMIT DROP AS
    SELECT o.id, o.user_id, o.coupon_id, o.status, o.points_used AS points, o.payable_amount AS payable, o.currency,
           o.status NOT IN ('COMPLETED', 'CANCELLED') OR s.due_at IS NOT NULL AS open,
           ${tx.unsafe(STEPS_STAND)}
    FROM orders o
    LEFT JOIN order_sagas s ON s.order_id = o.id
    LEFT JOIN (
      SELECT order_id, ${tx.unsafe(STANDING_STEPS)}
      FROM step_outcomes WHERE outcome = 'COMPLETED' AND restored_at IS NULL GROUP BY order_id
    ) t ON t.order_id = o.id`;
  await tx`ANALYZE stage_orders`;
  const [row] = await tx<OrderCounts[]>`
    SELECT (SELECT count(*) FROM stage_orders)::integer AS orders,
           (SELECT count(*) FROM stage_orders WHERE open)::integer AS open,
           (SELECT count(*) FROM products)::integer AS products,
           (SELECT count(*) FROM point_balances)::integer AS purses,
           (SELECT count(*) FROM user_coupons WHERE status = 'USED')::integer AS coupons,
           (SELECT count(*) FROM payments)::integer AS payments,
           (SELECT count(*) FROM step_outcomes)::integer AS outcomes`;
  return row!;
}
