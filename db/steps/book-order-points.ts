import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { OrderEntry } from "./find-deductions.ts";

/**
 * Books what orders take and give back: the ledger's rows, and each balance once by their sum. The caller holds the
 * balances' rows; that a balance covers what is taken, it has seen there.
 */
export async function bookOrderPoints(tx: Executor, entries: readonly OrderEntry[]): Promise<void> {
  const users = textArray(entries.map((e) => e.userId));
  const orders = textArray(entries.map((e) => e.orderId));
  const deltas = intArray(entries.map((e) => e.delta));
  await Promise.all([
    tx`
      UPDATE point_balances b SET balance = b.balance + e.delta, updated_at = now()
      FROM (SELECT user_id, sum(delta) AS delta FROM unnest(${users}::text[], ${deltas}::bigint[]) AS e (user_id, delta)
            GROUP BY user_id) AS e
      WHERE b.user_id = e.user_id`.execute(),
    tx`
      INSERT INTO point_ledger (user_id, order_id, delta, reason)
      SELECT user_id, order_id, delta, CASE WHEN delta < 0 THEN 'ORDER' ELSE 'ORDER_RESTORED' END
      FROM unnest(${users}::text[], ${orders}::text[], ${deltas}::bigint[]) AS e (user_id, order_id, delta)`.execute(),
  ]);
}
