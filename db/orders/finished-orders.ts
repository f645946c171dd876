import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** Orders among these that settled long ago, and whose saga role retention has taken since. */
export async function finishedOrders(tx: Executor, orderIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM orders WHERE id = ANY (${textArray(orderIds)}::text[]) AND saga_taken_at IS NOT NULL`;
  return new Set(rows.map(({ id }) => id));
}
