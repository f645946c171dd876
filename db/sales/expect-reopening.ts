import type { Sql } from "../client.ts";
import { lockSale } from "./lock-sale.ts";

/**
 * Says anew when a sale that is being rebuilt will open, `inMs` from now: gateways tell it to their clients. Under the
 * sale's lock only because that one queues fairly: a bare UPDATE waits for as long as batches that drain the log overlap.
 */
export async function expectReopening(sql: Sql, couponId: string, epoch: number, inMs: number): Promise<void> {
  await sql.begin(async (tx) => {
    if ((await lockSale(tx, couponId)) === null) return;
    await tx`
      UPDATE coupons SET recovering_until = clock_timestamp() + make_interval(secs => ${inMs / 1_000})
      WHERE id = ${couponId} AND epoch = ${epoch} AND load_state = 'RECOVERING'`;
  });
}
