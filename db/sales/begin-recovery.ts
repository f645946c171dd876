import { isFarAhead } from "../../contracts/claims/claim-numbers.ts";
import type { Sql } from "../client.ts";
import type { LoadState } from "../schema.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { lockSale } from "./lock-sale.ts";

/**
 * Step 1 of a recovery: a new epoch, higher than PostgreSQL's and than the one Redis still shows (a database that was
 * restored from a backup may be behind; one that is a million ahead is garbage), and RECOVERING. Under the sale's lock, with an audit line that says why.
 * @param opensInMs how long the rest will take at least
 * @returns the new epoch; null when the sale changed since the caller looked (`seen`): somebody loads it or has loaded it,
 * and rebuilding a sale that has just opened would close it again
 */
export function beginRecovery(
  sql: Sql,
  couponId: string,
  seen: { readonly epoch: number; readonly loadState: LoadState },
  redisEpoch: number,
  why: string,
  opensInMs: number,
): Promise<number | null> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || sale.epoch !== seen.epoch || sale.load_state !== seen.loadState) return null;
    const epoch = Math.max(sale.epoch, isFarAhead(redisEpoch, sale.epoch) ? 0 : redisEpoch) + 1;
    await tx`
      UPDATE coupons SET epoch = ${epoch}, load_state = 'RECOVERING', updated_at = now(),
             recovering_until = clock_timestamp() + make_interval(secs => ${opensInMs / 1_000})
      WHERE id = ${couponId}`;
    const detail = { why, epoch, before: sale.load_state };
    await insertAudit(tx, { actor: "role:sale-loader", action: "sale.recovering", target: couponId, detail });
    return epoch;
  });
}
