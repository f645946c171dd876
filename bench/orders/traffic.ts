import { TOPICS, type Topic } from "../../contracts/topics.ts";
import { createDatabase, type Sql } from "../../db/client.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { Target } from "../target.ts";
import type { BenchShop } from "./shop.ts";

/** Topics of orders. Claims have separate topics, and coupon-events carries no claims while orders are measured. */
const ORDER_TOPICS = (Object.keys(TOPICS) as Topic[]).filter(
  (topic) => topic !== "coupon-requests" && topic !== "coupon-issue-requests",
);
const ORDER_TABLES = [
  "orders",
  "order_items",
  "order_sagas",
  "step_outcomes",
  "stock_reservations",
  "products",
  "product_sales",
  "user_coupons",
  "point_balances",
  "point_ledger",
  "payments",
  "shipments",
  "carts",
  "delayed_commands",
];
/** A backend of PostgreSQL reports its counts at most once a second, and at the latest after it was idle for 10 s. */
const STATS_MS = 11_000;
const LOOK_MS = 500;

export interface RowChanges {
  readonly inserted: number;
  readonly updated: number;
  /** Rows of `orders` that were inserted. */
  readonly orders: number;
}

/** Counts of the log and of PostgreSQL's statistics at one moment. */
export interface Traffic {
  /** Records of all topics that orders use. */
  readonly messages: number;
  readonly rows: RowChanges;
}

export async function readTraffic(target: Target): Promise<Traffic> {
  return { messages: await logLength(target), rows: await onDatabase(target, readRows) };
}

/** What was added since `before`, once PostgreSQL's statistics count as many orders as were placed. */
export async function trafficSince(target: Target, before: Traffic, orders: number): Promise<Traffic> {
  const messages = (await logLength(target)) - before.messages;
  const rows = await onDatabase(target, async (sql) => {
    const deadline = performance.now() + STATS_MS;
    let since = difference(await readRows(sql), before.rows);
    for (let unchanged = 0; performance.now() < deadline && (since.orders < orders || unchanged < 3); ) {
      await Bun.sleep(LOOK_MS);
      const now = difference(await readRows(sql), before.rows);
      unchanged = now.updated === since.updated && now.inserted === since.inserted ? unchanged + 1 : 0;
      since = now;
    }
    return since;
  });
  return { messages, rows };
}

export interface Sayings {
  /** Different messages of all orders, however often each was sent. */
  readonly messages: number;
  /** Messages of a completed order with coupon, points and payment; null: there is none. */
  readonly perFullOrder: number | null;
}

/**
 * How many different messages the orders needed: the places taken in each order's stream (door and saga) and one or two
 * for each step's row. Requests to cancel come on top.
 */
export function readSayings(target: Target, { prefix }: BenchShop): Promise<Sayings> {
  return onDatabase(target, async (sql) => {
    const [row] = await sql<Sayings[]>`
      SELECT coalesce(sum(said), 0)::integer AS messages, (avg(said) FILTER (WHERE full_one))::double precision AS "perFullOrder"
      FROM (
        SELECT (s.state->>'sequence')::integer + steps.said AS said,
          o.status = 'COMPLETED' AND o.coupon_id IS NOT NULL AND o.points_used > 0 AND o.payable_amount > 0 AS full_one
        FROM orders o JOIN order_sagas s ON s.order_id = o.id
        CROSS JOIN LATERAL (
          SELECT count(*)::integer + count(restored_at) FILTER (WHERE outcome = 'COMPLETED')::integer AS said
          FROM step_outcomes WHERE order_id = o.id
        ) steps
        WHERE o.user_id BETWEEN ${prefix} AND ${`${prefix}~`}
      ) each_order`;
    return row!;
  });
}

async function logLength(target: Target): Promise<number> {
  const admin = createBunKafka({ brokers: target.env.KAFKA_BROKERS!, clientId: "bench" }).admin();
  try {
    let records = 0;
    for (const topic of ORDER_TOPICS) {
      for (const { offset } of await admin.endOffsets(topic)) records += offset;
    }
    return records;
  } finally {
    await admin.close();
  }
}

async function readRows(sql: Sql): Promise<RowChanges> {
  const [row] = await sql<RowChanges[]>`
    SELECT sum(n_tup_ins)::double precision AS inserted, sum(n_tup_upd)::double precision AS updated,
      (sum(n_tup_ins) FILTER (WHERE relname = 'orders'))::double precision AS orders
    FROM pg_stat_user_tables WHERE relname IN ${sql(ORDER_TABLES)}`;
  return row!;
}

const difference = (now: RowChanges, before: RowChanges): RowChanges => ({
  inserted: now.inserted - before.inserted,
  updated: now.updated - before.updated,
  orders: now.orders - before.orders,
});

async function onDatabase<T>(target: Target, work: (sql: Sql) => Promise<T>): Promise<T> {
  const database = createDatabase(target.env.DATABASE_URL!, { max: 1, name: "bench", statementTimeoutMs: 120_000 });
  try {
    return await work(database.sql);
  } finally {
    await database.close();
  }
}
