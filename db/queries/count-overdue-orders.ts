import type { Executor } from "../client.ts";

/** Orders that are open although ORDER_SETTLE_S is over: their compensation is stuck. */
export async function countOverdueOrders(sql: Executor, now: Date): Promise<number> {
  const [row] = await sql<{ overdue: number }[]>`
    SELECT count(*)::int AS overdue FROM order_sagas WHERE due_at IS NOT NULL AND settle_by < ${now}`;
  return row!.overdue;
}
