import { type CouponId, isRequestId, requestTime } from "../contracts/wire/ids.ts";
import { textArray } from "../db/array-literal.ts";
import type { Executor } from "../db/client.ts";
import type { RedisConnection } from "../lua/redis.ts";
import type { CheckResult } from "./check.ts";
import { isRefusedByRedis, scanStatuses } from "./redis-reader.ts";

export interface CheckedQueuedSale {
  readonly couponId: CouponId;
  /** Its requests may wait, because it is paused or Redis does not have it. */
  readonly waits: boolean;
}

export function listQueuedSales(sql: Executor): Promise<readonly CheckedQueuedSale[]> {
  return sql<CheckedQueuedSale[]>`
    SELECT id AS "couponId", state = 'PAUSED' OR load_state <> 'LOADED' AS waits FROM coupons
    WHERE issue_mode = 'QUEUED' ORDER BY id`;
}

/**
 * Requests that were answered PENDING must be decided once the deciding group has read the whole log. While its `lag`, read
 * before this call, is not 0, an undecided request proves nothing.
 * A request is noted after the log has it, so one that is older than `ageMs` was in the log when the lag was read.
 */
export async function checkPending(
  redis: RedisConnection,
  sql: Executor,
  sales: readonly CheckedQueuedSale[],
  lag: number,
  ageMs: number,
): Promise<CheckResult> {
  const undecided: string[] = [];
  let examined = 0;
  const before = Date.now() - ageMs;
  for (const { couponId, waits } of sales) {
    if (waits || lag > 0) continue;
    try {
      for await (const piece of scanStatuses(redis, couponId)) {
        const pending = piece.flatMap(([requestId, text]) => (text.startsWith("PENDING") ? [requestId] : []));
        examined += pending.length;
        const old = pending.filter((requestId) => isRequestId(requestId) && requestTime(requestId) < before);
        if (old.length > 0) undecided.push(...(await unknownTo(sql, old)));
      }
    } catch (error) {
      if (!isRefusedByRedis(error)) throw error; // "sale-readable" names it
    }
  }
  const note = lag > 0 ? `${lag} requests of queued sales are not decided yet` : undefined;
  return { name: "pending-decided", violations: undecided, examined, note };
}

async function unknownTo(sql: Executor, requestIds: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT asked.id FROM unnest(${textArray(requestIds)}::text[]) AS asked (id)
    WHERE NOT EXISTS (SELECT FROM user_coupons u WHERE u.request_id = asked.id)
      AND NOT EXISTS (SELECT FROM request_aliases a WHERE a.request_id = asked.id)
      AND NOT EXISTS (SELECT FROM refused_requests r WHERE r.request_id = asked.id)`;
  return rows.map(({ id }) => id);
}
