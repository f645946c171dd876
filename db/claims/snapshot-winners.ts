import type { Executor } from "../client.ts";

export interface Winner {
  readonly userId: string;
  readonly slot: number;
  readonly requestId: string;
}

/** Rows per fetch: at about 80 bytes each, a sale of ten million never holds more than this in memory. */
const FETCH = 5_000;

/**
 * Everybody who holds the coupon, in slot order, streamed. The caller has set the sale LOADING before: nothing is
 * inserted meanwhile, so the rows are the whole truth although no lock is held while they are read.
 */
export async function* snapshotWinners(sql: Executor, couponId: string): AsyncGenerator<Winner[]> {
  yield* sql<Winner[]>`
    SELECT user_id AS "userId", slot, request_id AS "requestId" FROM user_coupons
    WHERE coupon_id = ${couponId} AND status <> 'REVOKED' ORDER BY slot`.cursor(FETCH);
}
