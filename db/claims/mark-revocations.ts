import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** Redis holds nothing of these claims any more: their slots can be won again. */
export async function markReleased(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE revocations SET released_at = now()
    WHERE request_id = ANY (${textArray(requestIds)}::text[]) AND released_at IS NULL`;
}

/** Their owners' news stand in the log: nothing is left to do. */
export async function markDone(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE revocations SET done_at = now()
    WHERE request_id = ANY (${textArray(requestIds)}::text[]) AND done_at IS NULL`;
}

export async function isReleased(sql: Executor, requestId: string): Promise<boolean> {
  const [row] = await sql<{ released: boolean }[]>`
    SELECT released_at IS NOT NULL AS released FROM revocations WHERE request_id = ${requestId}`;
  return row?.released ?? false;
}
