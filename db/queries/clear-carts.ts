import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface CartLine {
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
}

/** Takes what was ordered out of carts, which the transaction holds (lock-carts.ts). What was put in meanwhile stays. */
export async function clearCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    DELETE FROM cart_items c
    USING unnest(${textArray(lines.map(({ userId }) => userId))}::text[],
                 ${textArray(lines.map(({ productId }) => productId))}::text[]) AS l (user_id, product_id)
    WHERE c.user_id = l.user_id AND c.product_id = l.product_id`;
}
