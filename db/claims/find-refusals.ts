import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Which of these requests came to a bad end before, refused or given up, and why: Redis may have forgotten, and their
 * owners were told.
 */
export async function findRefusals(sql: Executor, requestIds: readonly string[]): Promise<Map<string, ResultCode>> {
  const ids = textArray(requestIds);
  const rows = await sql<{ request_id: string; reason: ResultCode }[]>`
    SELECT request_id, reason FROM refused_requests WHERE request_id = ANY (${ids}::text[])
    UNION ALL
    SELECT request_id, coalesce(reason, 'REVOKED') FROM user_coupons
    WHERE request_id = ANY (${ids}::text[]) AND status = 'REVOKED'`;
  return new Map(rows.map((row) => [row.request_id, row.reason]));
}
