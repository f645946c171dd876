import type { Executor } from "../client.ts";
import type { LoadState } from "../schema.ts";

/**
 * One step of a load. Compare and set: it fails (false) when another loader or a raised fence took the sale over, and
 * then this loader's work on it is void.
 */
export async function moveLoadState(
  sql: Executor,
  couponId: string,
  epoch: number,
  from: LoadState,
  to: LoadState,
): Promise<boolean> {
  const rows = await sql`
    UPDATE coupons SET load_state = ${to}, updated_at = now(),
           recovering_until = CASE WHEN ${to === "LOADED"} THEN NULL ELSE recovering_until END
    WHERE id = ${couponId} AND epoch = ${epoch} AND load_state = ${from} RETURNING 1`;
  return rows.length === 1;
}
