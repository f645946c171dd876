import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface SeedBalance {
  readonly userId: string;
  readonly points: number;
}

/**
 * Gives points to those users who have no balance yet. One statement: a balance without its ledger row never exists, and
 * users who have one, whatever it is, get nothing. @returns how many users got points
 */
export async function seedPoints(sql: Executor, balances: readonly SeedBalance[]): Promise<number> {
  const { count } = await sql`
    WITH opened AS (
      INSERT INTO point_balances (user_id, balance)
      SELECT * FROM unnest(${textArray(balances.map(({ userId }) => userId))}::text[],
                           ${intArray(balances.map(({ points }) => points))}::bigint[])
      ON CONFLICT (user_id) DO NOTHING
      RETURNING user_id, balance
    )
    INSERT INTO point_ledger (user_id, delta, reason, actor) SELECT user_id, balance, 'Seed', 'operator:cli' FROM opened`;
  return count;
}
