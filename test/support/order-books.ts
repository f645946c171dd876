import type postgres from "postgres";

/** What is wrong, in which book, about whom. */
export interface Complaint {
  readonly book: string;
  readonly about: string;
  readonly says: string;
}

/**
 * Sums the books of all orders in one statement, so from one snapshot: what it finds was wrong at that moment, whatever is
 * under way. Of an order that is not closed (somebody owes it an answer) only that is asked which holds at every moment.
 * Nothing: they balance.
 */
export async function complaints(sql: postgres.Sql): Promise<readonly Complaint[]> {
  return await sql<Complaint[]>`
    WITH known AS (
      SELECT o.*, s.due_at IS NULL AND o.status IN ('COMPLETED', 'CANCELLED') AS closed, s.status AS saga
      FROM orders o LEFT JOIN order_sagas s ON s.order_id = o.id
    ), held AS (
      SELECT product_id, sum(quantity) FILTER (WHERE status <> 'RELEASED') AS out,
             sum(quantity) FILTER (WHERE status = 'CONFIRMED') AS sold
      FROM stock_reservations GROUP BY product_id
    ), sold AS (
      SELECT product_id, sum(quantity) AS pieces FROM product_sales GROUP BY product_id
    ), came AS (
      SELECT product_id, sum(quantity) AS pieces FROM stock_movements GROUP BY product_id
    ), took AS (
      SELECT order_id, -sum(delta) AS points FROM point_ledger WHERE order_id IS NOT NULL GROUP BY order_id
    ), purse AS (
      SELECT user_id, sum(delta) AS points FROM point_ledger GROUP BY user_id
    )
    SELECT 'saga' AS book, id AS about, 'order ' || status || ', saga ' || coalesce(saga, 'none') AS says
    FROM known WHERE saga IS DISTINCT FROM status
    UNION ALL
    SELECT 'stock', p.id, p.stock || ' left, ' || p.reserved || ' reserved of ' || c.pieces || ', reservations ' || coalesce(h.out, 0)
    FROM products p LEFT JOIN came c ON c.product_id = p.id LEFT JOIN held h ON h.product_id = p.id
    WHERE p.stock + p.reserved IS DISTINCT FROM c.pieces OR p.reserved <> coalesce(h.out, 0)
    UNION ALL
    SELECT 'sales', coalesce(h.product_id, s.product_id), coalesce(s.pieces, 0) || ' counted, ' || coalesce(h.sold, 0) || ' sold'
    FROM held h FULL JOIN sold s ON s.product_id = h.product_id WHERE coalesce(h.sold, 0) <> coalesce(s.pieces, 0)
    UNION ALL
    SELECT 'reservations', k.id, k.status || ' with ' || i.quantity || ' of ' || i.product_id || ': ' || coalesce(r.status, 'none')
    FROM known k JOIN order_items i ON i.order_id = k.id
    LEFT JOIN stock_reservations r ON r.order_id = i.order_id AND r.product_id = i.product_id
    WHERE (k.status = 'COMPLETED') IS DISTINCT FROM coalesce(r.status = 'CONFIRMED', false)
       OR (k.closed AND r.status = 'RESERVED') OR r.quantity <> i.quantity
    UNION ALL
    SELECT 'reservations', r.order_id, 'of a line that was not ordered' FROM stock_reservations r
    WHERE NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = r.order_id AND i.product_id = r.product_id)
    UNION ALL
    SELECT 'points', b.user_id, b.balance || ', by the ledger ' || coalesce(l.points, 0)
    FROM point_balances b LEFT JOIN purse l ON l.user_id = b.user_id WHERE b.balance <> coalesce(l.points, 0)
    UNION ALL
    SELECT 'points', k.id, k.status || ' for ' || k.points_used || ', took ' || coalesce(t.points, 0)
    FROM known k LEFT JOIN took t ON t.order_id = k.id
    WHERE (k.status = 'COMPLETED' AND coalesce(t.points, 0) <> k.points_used)
       OR (k.status = 'CANCELLED' AND k.closed AND coalesce(t.points, 0) <> 0)
       OR coalesce(t.points, 0) NOT IN (0, k.points_used)
    UNION ALL
    SELECT 'coupons', c.request_id, 'USED by ' || coalesce(k.status || ' order ' || k.id, 'nobody')
    FROM user_coupons c LEFT JOIN known k ON k.id = c.order_id
    WHERE c.status = 'USED' AND (k.coupon_id IS DISTINCT FROM c.coupon_id OR k.user_id <> c.user_id
                                 OR (k.status = 'CANCELLED' AND k.closed))
    UNION ALL
    SELECT 'coupons', k.id, 'COMPLETED without its coupon' FROM known k
    WHERE k.status = 'COMPLETED' AND k.coupon_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM user_coupons c WHERE c.coupon_id = k.coupon_id AND c.order_id = k.id AND c.status = 'USED')
    UNION ALL
    SELECT 'money', k.id, k.status || ' for ' || k.payable_amount || ': captured ' || coalesce(p.captured_amount, 0)
                          || ', refunded ' || coalesce(p.refunded_amount, 0)
    FROM known k LEFT JOIN payments p ON p.order_id = k.id
    WHERE (k.status = 'COMPLETED' AND coalesce(p.captured_amount - p.refunded_amount, 0) <> k.payable_amount)
       OR (k.status = 'CANCELLED' AND k.closed AND coalesce(p.captured_amount - p.refunded_amount, 0) <> 0
           AND NOT p.return_wanted)
       OR p.captured_amount > k.payable_amount
    UNION ALL
    SELECT 'parcels', k.id, k.status || ': ' || coalesce(p.status, 'none')
    FROM known k LEFT JOIN shipments p ON p.order_id = k.id
    WHERE (k.status = 'COMPLETED' AND p.status IS DISTINCT FROM 'PREPARED')
       OR (k.status = 'CANCELLED' AND k.closed AND p.status = 'PREPARED')`;
}

/** What is still owed to anybody: sagas that wait, commands that are parked, payments without their last word. */
export async function outstanding(sql: postgres.Sql): Promise<{ sagas: number; parked: number; payments: number }> {
  const [row] = await sql<{ sagas: number; parked: number; payments: number }[]>`
    SELECT (SELECT count(*)::int FROM order_sagas WHERE due_at IS NOT NULL) AS sagas,
           (SELECT count(*)::int FROM delayed_commands) AS parked,
           (SELECT count(*)::int FROM payments
            WHERE status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted)) AS payments`;
  return { ...row! };
}
