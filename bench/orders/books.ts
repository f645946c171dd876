import { textArray } from "../../db/array-literal.ts";
import { createDatabase, type Executor } from "../../db/client.ts";
import type { Target } from "../target.ts";
import type { BenchShop } from "./shop.ts";

/** What PostgreSQL says of a run's orders, and what that must balance with. Amounts in minor units. */
export interface OrderBooks extends Money, Points, Stock, Coupons {
  /** `COMPLETED`, `CANCELLED PAYMENT_DECLINED`, `PROCESSING`, … → orders. */
  readonly ends: Readonly<Record<string, number>>;
}

interface Money {
  readonly captured: number;
  readonly refunded: number;
  /** Of completed orders. */
  readonly payable: number;
  /** Settled orders whose payment is not exactly what it should be. */
  readonly wronglyPaid: number;
}

interface Points {
  /** What all users have left. */
  readonly balance: number;
  /** The sum of everything that ever changed a balance. */
  readonly booked: number;
  /** Of completed orders. */
  readonly pointsUsed: number;
}

interface Stock {
  /** Pieces that can still be sold. */
  readonly stock: number;
  readonly reserved: number;
  readonly confirmed: number;
  /** Pieces of completed orders. */
  readonly sold: number;
}

interface Coupons {
  readonly couponsUsed: number;
  /** Used, and not by a completed order that names them. */
  readonly couponsAstray: number;
  /** Completed orders with a coupon. */
  readonly ordersWithCoupon: number;
}

/** Whose orders: ids that begin alike. */
interface Users {
  readonly from: string;
  readonly to: string;
}

/** Reads a run's books in one snapshot. */
export async function readOrderBooks(target: Target, { prefix, goods }: BenchShop): Promise<OrderBooks> {
  const database = createDatabase(target.env.DATABASE_URL!, { max: 1, name: "bench", statementTimeoutMs: 120_000 });
  // `~` comes after everything that an id may hold.
  const users = { from: prefix, to: `${prefix}~` };
  const products = goods.products.map(({ id }) => id);
  try {
    return await database.sql.begin("isolation level repeatable read read only", async (tx) => ({
      ends: await readEnds(tx, users),
      ...(await readMoney(tx, users)),
      ...(await readPoints(tx, users)),
      ...(await readStock(tx, users, products)),
      ...(await readCoupons(tx, users)),
    }));
  } finally {
    await database.close();
  }
}

async function readEnds(sql: Executor, { from, to }: Users): Promise<OrderBooks["ends"]> {
  const rows = await sql<{ end: string; n: number }[]>`
    SELECT concat_ws(' ', status, failure_reason) AS end, count(*)::integer AS n
    FROM orders WHERE user_id BETWEEN ${from} AND ${to} GROUP BY 1`;
  return Object.fromEntries(rows.map(({ end, n }) => [end, n]));
}

async function readMoney(sql: Executor, { from, to }: Users): Promise<Money> {
  const [row] = await sql<Money[]>`
    SELECT coalesce(sum(captured), 0)::double precision AS captured,
      coalesce(sum(refunded), 0)::double precision AS refunded,
      coalesce(sum(payable) FILTER (WHERE status = 'COMPLETED'), 0)::double precision AS payable,
      count(*) FILTER (WHERE status = 'COMPLETED' AND captured - refunded <> payable
        OR status = 'CANCELLED' AND captured <> refunded)::integer AS "wronglyPaid"
    FROM (
      SELECT o.status, o.payable_amount AS payable, coalesce(p.captured_amount, 0) AS captured,
        coalesce(p.refunded_amount, 0) AS refunded
      FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.user_id BETWEEN ${from} AND ${to}
    ) paid`;
  return row!;
}

async function readPoints(sql: Executor, { from, to }: Users): Promise<Points> {
  const [row] = await sql<Points[]>`
    SELECT
      (SELECT coalesce(sum(balance), 0)::double precision FROM point_balances
        WHERE user_id BETWEEN ${from} AND ${to}) AS balance,
      (SELECT coalesce(sum(delta), 0)::double precision FROM point_ledger
        WHERE user_id BETWEEN ${from} AND ${to}) AS booked,
      (SELECT coalesce(sum(points_used), 0)::double precision FROM orders
        WHERE user_id BETWEEN ${from} AND ${to} AND status = 'COMPLETED') AS "pointsUsed"`;
  return row!;
}

async function readStock(sql: Executor, { from, to }: Users, products: readonly string[]): Promise<Stock> {
  const [row] = await sql<Stock[]>`
    SELECT
      (SELECT coalesce(sum(stock), 0)::double precision FROM products
        WHERE id = ANY (${textArray(products)}::text[])) AS stock,
      (SELECT coalesce(sum(i.quantity), 0)::double precision FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE o.user_id BETWEEN ${from} AND ${to} AND o.status = 'COMPLETED') AS sold,
      taken.*
    FROM (
      SELECT coalesce(sum(r.quantity) FILTER (WHERE r.status = 'RESERVED'), 0)::double precision AS reserved,
        coalesce(sum(r.quantity) FILTER (WHERE r.status = 'CONFIRMED'), 0)::double precision AS confirmed
      FROM orders o JOIN stock_reservations r ON r.order_id = o.id WHERE o.user_id BETWEEN ${from} AND ${to}
    ) taken`;
  return row!;
}

async function readCoupons(sql: Executor, { from, to }: Users): Promise<Coupons> {
  const [row] = await sql<Coupons[]>`
    SELECT count(*)::integer AS "couponsUsed",
      count(*) FILTER (WHERE o.status IS DISTINCT FROM 'COMPLETED' OR o.coupon_id <> c.coupon_id)::integer
        AS "couponsAstray",
      (SELECT count(*)::integer FROM orders
        WHERE user_id BETWEEN ${from} AND ${to} AND status = 'COMPLETED' AND coupon_id IS NOT NULL) AS "ordersWithCoupon"
    FROM user_coupons c LEFT JOIN orders o ON o.id = c.order_id
    WHERE c.status = 'USED' AND c.user_id BETWEEN ${from} AND ${to}`;
  return row!;
}
