import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Locks users' carts, whatever is then done with their lines: whoever sets a line locks the cart first too, so nobody waits
 * crosswise. In the order of the users.
 */
export async function lockCarts(tx: Executor, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await tx`
    INSERT INTO carts (user_id)
    SELECT DISTINCT user_id FROM unnest(${textArray(userIds)}::text[]) AS u (user_id) ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET updated_at = now()`;
}
