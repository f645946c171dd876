import type { OrderId } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { BALANCE, POINTS } from "../names.ts";

/** A line of the points' ledger for an order: below 0 it took, above 0 it gave back. */
export interface PointsEntry {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly delta: number;
}

/** What these orders took, given back or not. */
export async function findDeductions(sql: Executor, orderIds: readonly OrderId[]): Promise<PointsEntry[]> {
  const rows = await sql<(Omit<PointsEntry, "delta"> & { delta: string })[]>`
    SELECT ${POINTS.orderId} AS "orderId", ${POINTS.userId} AS "userId", ${POINTS.delta} FROM ${POINTS.table}
    WHERE ${POINTS.orderId} = ANY (${textArray(orderIds)}::text[]) AND ${POINTS.delta} < 0`;
  return rows.map((row) => ({ ...row, delta: Number(row.delta) }));
}

/** The points of those users who ever had any, held until the transaction ends; locked by user id. */
export async function lockBalances(tx: Executor, users: readonly UserId[]): Promise<Map<UserId, number>> {
  const rows = await tx<{ userId: UserId; balance: string }[]>`
    SELECT ${BALANCE.userId} AS "userId", ${BALANCE.balance} FROM ${BALANCE.table}
    WHERE ${BALANCE.userId} = ANY (${textArray(users)}::text[]) ORDER BY ${BALANCE.userId} FOR NO KEY UPDATE`;
  return new Map(rows.map(({ userId, balance }) => [userId, Number(balance)]));
}

/**
 * Books what orders take and give back: the ledger's rows, and each balance once by their sum. The caller holds the
 * balances' rows; that a balance covers what is taken, it has seen there.
 */
export async function bookOrderPoints(tx: Executor, entries: readonly PointsEntry[]): Promise<void> {
  const users = textArray(entries.map((e) => e.userId));
  const orders = textArray(entries.map((e) => e.orderId));
  const deltas = intArray(entries.map((e) => e.delta));
  await Promise.all([
    tx`
      UPDATE ${BALANCE.table} b SET ${BALANCE.balance} = b.${BALANCE.balance} + e.delta, ${BALANCE.updatedAt} = now()
      FROM (SELECT user_id, sum(delta) AS delta FROM unnest(${users}::text[], ${deltas}::bigint[]) AS e (user_id, delta)
            GROUP BY user_id) AS e
      WHERE b.${BALANCE.userId} = e.user_id`.execute(),
    tx`
      INSERT INTO ${POINTS.table} (${POINTS.userId}, ${POINTS.orderId}, ${POINTS.delta}, ${POINTS.reason})
      SELECT user_id, order_id, delta, CASE WHEN delta < 0 THEN 'ORDER' ELSE 'ORDER_RESTORED' END
      FROM unnest(${users}::text[], ${orders}::text[], ${deltas}::bigint[]) AS e (user_id, order_id, delta)`.execute(),
  ]);
}
