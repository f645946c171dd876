import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

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
    INSERT INTO refused_requests (request_id, coupon_id, user_id, reason)
    SELECT * FROM unnest(${textArray(sorted.map((r) => r.requestId))}::text[],
                         ${textArray(sorted.map((r) => r.couponId))}::text[],
                         ${textArray(sorted.map((r) => r.userId))}::text[],
                         ${textArray(sorted.map((r) => r.reason))}::text[])
    ON CONFLICT DO NOTHING`;
}
