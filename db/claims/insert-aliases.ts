import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface Alias {
  readonly requestId: string;
  readonly couponId: string;
  readonly userId: string;
  readonly originalRequestId: string;
}

/** Remembers second requests of users who hold the coupon. Repeats change nothing; sorted by request id as all inserts. */
export async function insertAliases(sql: Executor, aliases: readonly Alias[]): Promise<void> {
  const sorted = [...aliases].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  await sql`
    INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id)
    SELECT * FROM unnest(${textArray(sorted.map((a) => a.requestId))}::text[],
                         ${textArray(sorted.map((a) => a.couponId))}::text[],
                         ${textArray(sorted.map((a) => a.userId))}::text[],
                         ${textArray(sorted.map((a) => a.originalRequestId))}::text[])
    ON CONFLICT DO NOTHING`;
}
