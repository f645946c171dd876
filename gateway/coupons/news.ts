import type { CouponId } from "../../contracts/ids.ts";
import type { Board, SaleNews } from "./board.ts";

export interface NewsSources {
  /** Calls back for every announcement Redis makes; the subscription repairs itself, but misses what was said meanwhile. */
  subscribe(hear: (couponId: CouponId, news: SaleNews) => void): void;
  /** The sale as Redis has it now; null: not loaded. */
  read(couponId: CouponId): Promise<SaleNews | null>;
}

const CONFIRM_MS = 250;

/**
 * Keeps the board current: announcements at once, and a look every quarter of a second at sales that are being asked for,
 * because announcements can be missed and a refusal without confirmation expires.
 * @returns how to stop
 */
export function followNews(board: Board, sources: NewsSources, onError: (error: unknown) => void): () => void {
  sources.subscribe((couponId, news) => board.hear(couponId, news, performance.now()));
  let looking = false;
  const timer = setInterval(async () => {
    if (looking) return;
    looking = true;
    try {
      for (const couponId of board.due(performance.now())) {
        const news = await sources.read(couponId);
        if (news === null) board.forget(couponId);
        else board.hear(couponId, news, performance.now());
      }
    } catch (error) {
      onError(error); // unconfirmed refusals expire by themselves; Redis is asked again
    } finally {
      looking = false;
    }
  }, CONFIRM_MS);
  return () => clearInterval(timer);
}
