import type { Executor } from "../client.ts";

/**
 * Marks a sale for a rebuild, because its claims contradict each other: the epoch rises, so whatever Redis hands out in
 * the old one will be decided again. Only one of many callers with the same proof succeeds; false for the others.
 */
export async function raiseFence(sql: Executor, couponId: string, epoch: number): Promise<boolean> {
  const rows = await sql`
    UPDATE coupons SET load_state = 'RECOVERING', epoch = epoch + 1, updated_at = now()
    WHERE id = ${couponId} AND epoch = ${epoch} AND load_state = 'LOADED' RETURNING 1`;
  return rows.length === 1;
}
