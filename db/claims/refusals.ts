import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { CLAIM, REFUSAL } from "../names.ts";

export interface RefusedRequest {
  readonly requestId: string;
  readonly couponId: string;
  readonly userId: string;
  readonly reason: string;
}

/** Remembers requests that a queued sale refused. Repeats change nothing; sorted by request id as all inserts. */
export async function insertRefusals(sql: Executor, refusals: readonly RefusedRequest[]): Promise<void> {
  const sorted = [...refusals].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  await sql`
    INSERT INTO ${REFUSAL.table} (${REFUSAL.requestId}, ${REFUSAL.couponId}, ${REFUSAL.userId}, ${REFUSAL.reason})
    SELECT * FROM unnest(${textArray(sorted.map((r) => r.requestId))}::text[],
                         ${textArray(sorted.map((r) => r.couponId))}::text[],
                         ${textArray(sorted.map((r) => r.userId))}::text[],
                         ${textArray(sorted.map((r) => r.reason))}::text[])
    ON CONFLICT DO NOTHING`;
}

/**
 * Which of these requests came to a bad end before, refused or given up, and why: Redis may have forgotten, and their
 * owners were told.
 */
export async function findRefusals(sql: Executor, requestIds: readonly string[]): Promise<Map<string, ResultCode>> {
  const ids = textArray(requestIds);
  const rows = await sql<{ requestId: string; reason: ResultCode }[]>`
    SELECT ${REFUSAL.requestId} AS "requestId", ${REFUSAL.reason} FROM ${REFUSAL.table}
      WHERE ${REFUSAL.requestId} = ANY (${ids}::text[])
    UNION ALL
    SELECT ${CLAIM.requestId}, coalesce(${CLAIM.reason}, 'REVOKED') FROM ${CLAIM.table}
    WHERE ${CLAIM.requestId} = ANY (${ids}::text[]) AND ${CLAIM.status} = 'REVOKED'`;
  return new Map(rows.map((row) => [row.requestId, row.reason]));
}
