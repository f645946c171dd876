import type { Executor } from "../client.ts";

/** How far the clocks of PostgreSQL's machine and of any Redis that ever held the sale may be apart. */
const CLOCK_SKEW_S = 60;

/**
 * Whether no claim of this sale can exist anywhere: it has no row of any kind, and it starts so late that no Redis, even
 * with a clock a minute ahead, can have opened it. Only then a recovery need not wait for the log.
 */
export async function neverClaimed(sql: Executor, couponId: string): Promise<boolean> {
  const [row] = await sql<{ never: boolean }[]>`
    SELECT now() + make_interval(secs => ${CLOCK_SKEW_S}) < starts_at
       AND NOT EXISTS (SELECT FROM user_coupons u WHERE u.coupon_id = coupons.id) AS never
    FROM coupons WHERE id = ${couponId}`;
  return row?.never ?? false;
}
