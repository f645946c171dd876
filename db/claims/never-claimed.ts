import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** How far the clocks of PostgreSQL's machine and of any Redis that ever held the sale may be apart. */
const CLOCK_SKEW_S = 60;

/**
 * Those of the sales of which no claim can exist anywhere: they have no row of any kind, and they start so late that no
 * Redis, even with a clock a minute ahead, can have opened them. Only then a recovery need not wait for the log.
 *
 * Rows are looked for where there is an index: coupons that users hold by sale, everything else (what was given up, other
 * names of a claim) by request id, because a sale's request ids begin with the sale's id. Subqueries with LIMIT instead of
 * NOT EXISTS, which may become a hash over the whole table; with ORDER BY, because without it a planner that knows one large
 * sale expects to find a row of any sale soon and reads the whole table when there is none.
 */
export async function neverClaimed(sql: Executor, couponIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    SELECT c.id FROM coupons c
    WHERE c.id = ANY (${textArray(couponIds)}::text[])
      AND now() + make_interval(secs => ${CLOCK_SKEW_S}) < c.starts_at
      AND (SELECT 1 FROM user_coupons u WHERE u.coupon_id = c.id AND u.status <> 'REVOKED'
           ORDER BY u.coupon_id, u.slot LIMIT 1) IS NULL
      AND (SELECT 1 FROM user_coupons u
           WHERE u.request_id >= c.id || '-' AND u.request_id < c.id || '.'
           ORDER BY u.request_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM request_aliases a
           WHERE a.request_id >= c.id || '-' AND a.request_id < c.id || '.'
           ORDER BY a.request_id LIMIT 1) IS NULL`;
  return new Set(rows.map(({ id }) => id));
}
