import type { Executor } from "../client.ts";
import type { LoadState, SaleIntent } from "../schema.ts";

export interface LiveSale {
  readonly id: string;
  readonly name: string;
  readonly total: number;
  readonly epoch: number;
  readonly state: SaleIntent;
  readonly load_state: LoadState;
  readonly issue_mode: "DIRECT" | "QUEUED";
  readonly starts_at: Date;
  readonly ends_at: Date;
}

/**
 * Sales that belong into Redis: everything that has not ended for longer than `keepHours` (a winner who asks again after
 * the end still gets their win from there, and claims of the last seconds may still wait in the ledger), and whatever
 * the loader began and has not finished. In the order in which they matter: what is open now, then what opens next, then what
 * has ended, the latest first; after a Redis was lost they are brought back in this order.
 */
export function listLiveSales(sql: Executor, keepHours: number): Promise<readonly LiveSale[]> {
  return sql<LiveSale[]>`
    SELECT id, name, total, epoch, state, load_state, issue_mode, starts_at, ends_at FROM coupons
    WHERE ${belongsIntoRedis(sql, keepHours)} OR load_state IN ('RECOVERING', 'LOADING')
    ORDER BY CASE WHEN ends_at <= now() THEN 2 WHEN starts_at > now() THEN 1 ELSE 0 END,
             CASE WHEN ends_at <= now() THEN now() - ends_at ELSE greatest(starts_at - now(), interval '0') END, id`;
}

/**
 * Whether Redis should have a sale of `coupons`: it has not been over for `keepHours`. One that role retention took out stays
 * out, whatever this process takes for the time, unless its end was moved into the future.
 */
export const belongsIntoRedis = (sql: Executor, keepHours: number) => sql`
  (ends_at > now() OR (left_redis_at IS NULL AND ends_at > now() - make_interval(hours => ${keepHours})))`;
