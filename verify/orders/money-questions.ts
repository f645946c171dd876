import type { TransactionSql } from "postgres";
import type { Question } from "./findings.ts";

// Points, coupons and money. An open order may have its effect or not, as its step's row says; never half of it.

/** Users whose balance is not the sum of their ledger. */
export const unbalancedPurses = (tx: TransactionSql): Question => tx`
  SELECT 'user ' || coalesce(b.user_id, l.user_id) AS what,
    CASE
      WHEN b.balance < 0 THEN format('a balance of %s', b.balance)
      WHEN coalesce(b.balance, 0) <> coalesce(l.sum, 0) THEN
        format('a balance of %s, a ledger of %s', coalesce(b.balance::text, 'none'), coalesce(l.sum, 0))
    END AS why
  FROM point_balances b FULL JOIN (SELECT user_id, sum(delta) FROM point_ledger GROUP BY user_id) l ON l.user_id = b.user_id`;

/** Orders that took other points than they should have. */
export const strayPoints = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(o.id, l.order_id) AS what,
    CASE
      WHEN o.id IS NULL THEN format('points of user %s were moved for an order that does not exist', l.first_user)
      WHEN l.first_user <> o.user_id OR l.last_user <> o.user_id THEN format('it belongs to %s, its points to another user', o.user_id)
      WHEN o.status = 'COMPLETED' AND coalesce(l.net, 0) <> -o.points THEN
        format('COMPLETED with %s points to use, the ledger says %s', o.points, coalesce(l.net, 0))
      WHEN o.status = 'CANCELLED' AND NOT o.open AND coalesce(l.net, 0) <> 0 THEN format('CANCELLED, the ledger says %s', l.net)
      WHEN coalesce(l.net, 0) <> CASE WHEN o.point THEN -o.points ELSE 0 END THEN
        format('its POINT step %s, the ledger says %s', CASE WHEN o.point THEN 'stands' ELSE 'does not stand' END, coalesce(l.net, 0))
    END AS why
  FROM stage_orders o
  FULL JOIN (SELECT order_id, sum(delta) AS net, min(user_id) AS first_user, max(user_id) AS last_user FROM point_ledger
             WHERE order_id IS NOT NULL GROUP BY order_id) l ON l.order_id = o.id`;

/** Coupons and orders that do not have each other. */
export const strayCoupons = (tx: TransactionSql): Question => tx`
  SELECT coalesce('coupon ' || u.request_id, 'order ' || o.id) AS what,
    CASE
      WHEN u.status = 'USED' AND u.order_id IS NULL THEN 'USED by no order'
      WHEN u.status <> 'USED' THEN format('%s, and order %s has it', u.status, u.order_id)
      WHEN o.id IS NULL THEN format('USED by order %s, which does not exist', u.order_id)
      WHEN u.user_id <> o.user_id THEN format('of user %s, USED by order %s of user %s', u.user_id, o.id, o.user_id)
      WHEN u.coupon_id <> coalesce(o.coupon_id, '') THEN
        format('of sale %s, USED by order %s, which has %s', u.coupon_id, o.id, coalesce('one of ' || o.coupon_id, 'none'))
      WHEN o.status = 'CANCELLED' AND NOT o.open AND u.order_id IS NOT NULL THEN format('USED by order %s, which is CANCELLED', o.id)
      WHEN o.status = 'COMPLETED' AND o.coupon_id IS NOT NULL AND u.order_id IS NULL THEN 'COMPLETED, but its coupon is not USED by it'
      WHEN o.coupon <> (u.order_id IS NOT NULL) THEN
        format('the COUPON step of order %s %s', o.id, CASE WHEN o.coupon THEN 'stands, no coupon is USED by it' ELSE 'does not stand' END)
    END AS why
  FROM (SELECT * FROM user_coupons WHERE status = 'USED' OR order_id IS NOT NULL) u FULL JOIN stage_orders o ON o.id = u.order_id`;

/**
 * Orders whose money is not where it should be. Of a cancelled one it may be on its way back: a capture that appeared after
 * the payment was void is refunded without the saga (how long that takes: `compensations-end`). What was refunded of a
 * completed one at the provider's own desk is the merchant's business: it was paid.
 */
export const strayPayments = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(o.id, p.order_id) AS what,
    CASE
      WHEN o.id IS NULL THEN format('a payment (%s) for an order that does not exist', p.status)
      WHEN p.kept < 0 OR p.captured_amount > o.payable AND p.kept > 0 AND NOT p.returning THEN
        format('%s captured and %s refunded of %s', p.captured_amount, p.refunded_amount, o.payable)
      WHEN p.status IN ('INTENT', 'CAPTURED', 'REFUNDED') AND p.amount <> o.payable AND NOT p.returning THEN
        format('%s to be paid, %s asked for', o.payable, p.amount)
      WHEN p.status IN ('INTENT', 'CAPTURED', 'REFUNDED') AND p.currency <> o.currency AND NOT p.returning THEN
        format('to be paid in %s, asked for in %s', o.currency, p.currency)
      WHEN (o.status = 'COMPLETED' OR o.payment) AND p.captured_amount > 0 AND p.captured_currency <> o.currency THEN
        format('to be paid in %s, paid in %s', o.currency, p.captured_currency)
      WHEN o.status = 'COMPLETED' AND coalesce(p.paid, 0) <> o.payable THEN
        format('COMPLETED, %s of %s paid', coalesce(p.paid, 0), o.payable)
      WHEN o.status = 'COMPLETED' AND p.return_wanted THEN 'COMPLETED, and its money is to be returned'
      WHEN o.status = 'CANCELLED' AND NOT o.open AND p.status = 'INTENT' THEN 'CANCELLED, and whether it was charged is not known'
      WHEN o.status = 'CANCELLED' AND NOT o.open AND p.kept <> 0 AND NOT p.returning THEN format('CANCELLED, %s kept', p.kept)
      WHEN o.payment AND coalesce(p.paid, 0) <> o.payable THEN
        format('its PAYMENT step stands, %s of %s paid', coalesce(p.paid, 0), o.payable)
      WHEN NOT o.payment AND p.kept <> 0 AND NOT p.returning THEN format('its PAYMENT step does not stand, %s kept', p.kept)
    END AS why
  FROM stage_orders o
  FULL JOIN (SELECT *, captured_amount - refunded_amount AS kept, status = 'CAPTURED' AND return_wanted AS returning,
                    captured_amount - refunded_amount + refunded_elsewhere AS paid
             FROM payments) p ON p.order_id = o.id`;

/** Orders with a shipment too many or none. */
export const strayShipments = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || coalesce(o.id, s.order_id) AS what,
    CASE
      WHEN o.id IS NULL THEN format('a shipment (%s) for an order that does not exist', s.status)
      WHEN o.status = 'COMPLETED' AND s.status IS DISTINCT FROM 'PREPARED' THEN
        format('COMPLETED, and its shipment is %s', coalesce(s.status, 'not there'))
      WHEN o.status = 'CANCELLED' AND NOT o.open AND s.status = 'PREPARED' THEN 'CANCELLED, and its shipment is PREPARED'
      WHEN o.shipping <> (s.status IS NOT NULL AND s.status = 'PREPARED') THEN
        format('its SHIPPING step %s, and its shipment is %s', CASE WHEN o.shipping THEN 'stands' ELSE 'does not stand' END,
               coalesce(s.status, 'not there'))
    END AS why
  FROM stage_orders o FULL JOIN shipments s ON s.order_id = o.id`;
