import type { UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** The points of those users who ever had any, held until the transaction ends; locked by user id. */
export async function lockBalances(tx: Executor, users: readonly UserId[]): Promise<Map<UserId, number>> {
  const rows = await tx<{ userId: UserId; balance: string }[]>`
    SELECT user_id AS "userId", balance FROM point_balances
    WHERE user_id = ANY (${textArray(users)}::text[]) ORDER BY user_id FOR NO KEY UPDATE`;
  return new Map(rows.map(({ userId, balance }) => [userId, Number(balance)]));
}
