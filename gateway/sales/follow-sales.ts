import type { CouponId } from "../../contracts/wire/ids.ts";
import type { LeftOut } from "../../contracts/wire/left-out.ts";
import type { Board, SaleUpdate } from "./board.ts";

export interface SaleUpdateSources {
  /** Calls back for every announcement of Redis. The subscription reconnects, but misses announcements meanwhile. */
  subscribe(hear: (couponId: CouponId, news: SaleUpdate) => void): void;
  /** The sale as Redis has it now; null: not loaded. */
  read(couponId: CouponId): Promise<SaleUpdate | null>;
}

const CONFIRM_MS = 250;
const READS_AT_ONCE = 16;

/**
 * Keeps the board current: by announcements, and by reading the recently requested sales every quarter of a second, because
 * announcements can be missed and a refusal without confirmation expires. A sale about which Redis fails to answer (its shard
 * is away, its hash is broken) delays no other sale.
 * @returns how to stop
 */
export function followSales(
  board: Board,
  sources: SaleUpdateSources,
  leftOut: LeftOut,
  onError: (error: unknown) => void,
): () => void {
  sources.subscribe((couponId, news) => board.hear(couponId, news, performance.now()));
  let looking = false;
  const timer = setInterval(async () => {
    if (looking) return;
    looking = true;
    try {
      const due = board.due(performance.now());
      const read = async (couponId: CouponId) => {
        const news = await sources.read(couponId);
        if (news === null) board.forget(couponId);
        else board.hear(couponId, news, performance.now());
      };
      await leftOut.runEach("confirming sales", due, String, read, { atOnce: READS_AT_ONCE });
    } catch (error) {
      onError(error); // unconfirmed refusals expire; Redis is asked again
    } finally {
      looking = false;
    }
  }, CONFIRM_MS);
  return () => clearInterval(timer);
}
