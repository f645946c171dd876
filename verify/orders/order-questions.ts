import type { TransactionSql } from "postgres";
import type { Question } from "./findings.ts";

// Orders and their sagas. Both are written in one transaction; a step's row is written before the saga can hear of it.

/** Orders that were calculated wrongly. */
export const wrongAmounts = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(o.id, i.order_id) AS what,
    CASE
      WHEN o.id IS NULL THEN 'it has lines, and does not exist'
      WHEN i.sum IS NULL THEN 'it has no lines'
      WHEN i.sum <> o.total_amount THEN format('its lines cost %s, it says %s', i.sum, o.total_amount)
      WHEN least(o.discount_amount, o.points_used, o.payable_amount) < 0
        OR o.total_amount - o.discount_amount - o.points_used <> o.payable_amount THEN
        format('%s less %s discount less %s points are not %s to pay', o.total_amount, o.discount_amount, o.points_used, o.payable_amount)
    END AS why
  FROM orders o
  FULL JOIN (SELECT order_id, sum(quantity * unit_price) FROM order_items GROUP BY order_id) i ON i.order_id = o.id`;

/**
 * Orders that their sagas see differently. An order that the database refused has a saga alone, which is cancelled. One that
 * settled long ago has none any more, and its row says so (role retention).
 */
export const strayStates = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(o.id, s.order_id) AS what,
    CASE
      WHEN s.order_id IS NULL THEN
        CASE WHEN o.saga_taken_at IS NULL OR o.settled_at IS NULL OR o.status NOT IN ('COMPLETED', 'CANCELLED') THEN
          format('%s, and has no saga', o.status) END
      WHEN o.saga_taken_at IS NOT NULL THEN format('%s, and a saga again, although it had finished', o.status)
      WHEN s.status <> s.says THEN format('its saga is %s, and in its state %s', s.status, s.says)
      WHEN o.id IS NULL AND s.placed AND s.status <> 'CANCELLED' THEN format('its saga is %s, and there is no order', s.status)
      WHEN o.status <> s.status THEN format('%s, its saga is %s', o.status, s.status)
      WHEN (o.user_id, o.coupon_id, o.total_amount, o.discount_amount, o.points_used, o.payable_amount, o.currency)
        IS DISTINCT FROM (s.user_id, s.coupon_id, s.total, s.discount, s.points, s.payable, s.currency) AND o.id IS NOT NULL THEN
        'its saga knows another user, coupon, amount or currency'
    END AS why
  FROM orders o FULL JOIN stage_sagas s ON s.order_id = o.id`;

/**
 * Orders whose saga has another outcome of a step than the step's row. An outcome that the saga has heard stays true until it
 * requests a restore, so this holds for open orders too. Only an outcome whose message is still on its way may be missing.
 */
export const strayOutcomes = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(s.order_id, t.order_id) AS what,
    CASE
      WHEN s.order_id IS NULL THEN
        CASE WHEN NOT EXISTS (SELECT FROM orders o WHERE o.id = t.order_id AND o.saga_taken_at IS NOT NULL) THEN
          format('%s is %s, and there is no saga', t.step, t.outcome) END
      WHEN s.settled = 'COMPLETED' AND s.says NOT IN ('COMPLETED', 'SKIPPED') THEN format('COMPLETED, with %s %s', s.step, s.says)
      WHEN s.settled = 'CANCELLED' AND s.says IN ('REQUESTED', 'COMPLETED', 'RESTORING') THEN format('CANCELLED, with %s %s', s.step, s.says)
      WHEN s.says = 'COMPLETED' AND t.stands IS NOT TRUE OR s.says = 'FAILED' AND t.outcome IS DISTINCT FROM 'FAILED'
        OR s.says = 'RESTORED' AND t.stands IS NOT FALSE OR s.says = 'SKIPPED' AND t.stands
        OR s.says = 'PENDING' AND s.settled IS NOT NULL AND t.stands THEN
        format('%s is %s, its row says %s', s.step, s.says,
               coalesce(t.outcome || CASE WHEN t.restored_at IS NULL THEN '' ELSE ', restored' END, 'nothing'))
    END AS why
  FROM (
    SELECT order_id, settled, step.key AS step, step.value->>'status' AS says
    FROM stage_sagas CROSS JOIN LATERAL jsonb_each(steps) step
  ) s
  FULL JOIN (SELECT *, outcome = 'COMPLETED' AND restored_at IS NULL AS stands FROM step_outcomes) t
    ON t.order_id = s.order_id AND t.step = s.step`;

/** What happened twice to an order. Constraints forbid it; a database that was restored may be without them. */
export const repeatedEffects = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || id AS what, 'it is there more than once' AS why FROM orders GROUP BY id HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, 'more than one saga' FROM order_sagas GROUP BY order_id HAVING count(*) > 1
  UNION ALL SELECT 'user ' || user_id, format('more than one order under the key %s', idempotency_key) FROM orders
    WHERE idempotency_key IS NOT NULL GROUP BY user_id, idempotency_key HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, format('%s was decided more than once', step) FROM step_outcomes
    GROUP BY order_id, step HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, format('product %s is reserved more than once', product_id) FROM stock_reservations
    GROUP BY order_id, product_id HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, 'more than one coupon' FROM user_coupons
    WHERE order_id IS NOT NULL GROUP BY order_id HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, CASE WHEN delta > 0 THEN 'points came back more than once' ELSE 'points were taken more than once' END
    FROM point_ledger WHERE order_id IS NOT NULL GROUP BY order_id, delta > 0 HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, 'more than one payment' FROM payments GROUP BY order_id HAVING count(*) > 1
  UNION ALL SELECT 'order ' || order_id, 'more than one shipment' FROM shipments GROUP BY order_id HAVING count(*) > 1`;
