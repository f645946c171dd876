import type { TransactionSql } from "postgres";
import type { Question } from "./findings.ts";

// What is for sale. Each transaction that moves stock writes the reservations too, and so does the saga when it
// completes an order: no moment is an exception.

/** Products whose stock, reservations and movements don't add up. */
export const unbalancedProducts = (tx: TransactionSql): Question => tx`
  SELECT 'product ' || coalesce(p.id, h.product_id, m.product_id) AS what,
    CASE
      WHEN p.id IS NULL THEN 'it is reserved or came in, and does not exist'
      WHEN p.stock < 0 THEN format('its stock is %s', p.stock)
      WHEN p.stock + coalesce(h.held, 0) <> coalesce(m.came, 0) THEN
        format('%s in stock and %s reserved or sold are not the %s that came in', p.stock, coalesce(h.held, 0), coalesce(m.came, 0))
      WHEN p.reserved <> coalesce(h.held, 0) THEN
        format('its row says %s reserved, the reservations %s', p.reserved, coalesce(h.held, 0))
    END AS why
  FROM products p
  FULL JOIN (SELECT product_id, sum(quantity) AS held FROM stock_reservations WHERE status <> 'RELEASED' GROUP BY product_id) h
    ON h.product_id = p.id
  FULL JOIN (SELECT product_id, sum(quantity) AS came FROM stock_movements GROUP BY product_id) m
    ON m.product_id = coalesce(p.id, h.product_id)`;

/** Orders whose reservations are not what their lines, their status and their STOCK step say. */
export const strayReservations = (tx: TransactionSql): Question => tx`
  SELECT 'order ' || l.order_id AS what,
    CASE
      WHEN o.id IS NULL AND l.held IS NOT NULL THEN format('product %s is %s for an order that does not exist', l.product_id, l.held)
      WHEN l.ordered IS NULL THEN format('product %s is %s, and was not ordered', l.product_id, l.held)
      WHEN l.ordered <> l.quantity THEN format('%s of product %s ordered, %s %s', l.ordered, l.product_id, l.quantity, l.held)
      WHEN o.status = 'COMPLETED' AND l.held IS DISTINCT FROM 'CONFIRMED' THEN
        format('COMPLETED, but product %s is %s', l.product_id, coalesce(l.held, 'not reserved'))
      WHEN o.status <> 'COMPLETED' AND l.held = 'CONFIRMED' THEN format('%s, but product %s is CONFIRMED', o.status, l.product_id)
      WHEN NOT o.open AND o.status = 'CANCELLED' AND l.held = 'RESERVED' THEN
        format('CANCELLED, but product %s is RESERVED', l.product_id)
      WHEN o.stock <> (l.held IS NOT NULL AND l.held <> 'RELEASED') THEN
        format('its STOCK step %s, and product %s is %s', CASE WHEN o.stock THEN 'stands' ELSE 'does not stand' END,
               l.product_id, coalesce(l.held, 'not reserved'))
    END AS why
  FROM (
    SELECT coalesce(i.order_id, r.order_id) AS order_id, coalesce(i.product_id, r.product_id) AS product_id,
           i.quantity AS ordered, r.quantity, r.status AS held
    FROM order_items i FULL JOIN stock_reservations r ON r.order_id = i.order_id AND r.product_id = i.product_id
  ) l LEFT JOIN stage_orders o ON o.id = l.order_id`;

/** Products of which other numbers are counted as sold than completed orders hold. The rankings are made from these. */
export const miscountedSales = (tx: TransactionSql): Question => tx`
  SELECT 'product ' || coalesce(s.product_id, c.product_id) AS what,
    CASE WHEN coalesce(s.sold, 0) <> coalesce(c.sold, 0) THEN
      format('%s counted as sold, %s in completed orders', coalesce(s.sold, 0), coalesce(c.sold, 0)) END AS why
  FROM (SELECT product_id, sum(quantity) AS sold FROM product_sales GROUP BY product_id) s
  FULL JOIN (SELECT product_id, sum(quantity) AS sold FROM stock_reservations WHERE status = 'CONFIRMED' GROUP BY product_id) c
    ON c.product_id = s.product_id`;
