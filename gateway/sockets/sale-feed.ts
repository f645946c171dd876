import type { Sale } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleChangedText } from "./replies.ts";

/** The least time between two messages about one sale, milliseconds: at most four a second. */
const GAP_MS = 250;
/** How often the feed looks for sales that are due. */
const TICK_MS = 125;
/** How often a sale is looked at while nothing happens. Claims at other gateways are not announced. */
const QUIET_MS = 1_000;
/** For this long after a change, the sale is looked at every GAP_MS. */
const LIVELY_MS = 1_000;
/** The most looks per tick. With more followed sales than fit, each is looked at less often. */
const LOOKS_PER_TICK = 25;
/** A look accepts what was read so long ago. */
const FRESH_MS = 100;

export interface SaleFeedParts {
  /** The sale, at most so many milliseconds old; null: no such sale. */
  readonly look: (couponId: CouponId, maxAgeMs: number) => Promise<Sale | null>;
  /** Sends a message to all sockets here that follow the sale. */
  readonly publish: (couponId: CouponId, text: string) => void;
}

interface Fed {
  /** The last message; null: the sale was not looked at yet. */
  text: string | null;
  /** Times of `performance.now()`. */
  publishedAt: number;
  dueAt: number;
  livelyUntil: number;
  isLooking: boolean;
}

/**
 * `sale.changed` for the sales that sockets of this gateway follow: state, count and window, at most every GAP_MS for each sale.
 * Changes in between are not queued: the next look shows the latest state, so the last change is always sent. A look is the shared read of
 * the public pages (ShownSales), so it costs Redis and PostgreSQL nothing for each socket.
 */
export class SaleFeed {
  readonly #parts: SaleFeedParts;
  /** In the order of the last look, so that each sale has its turn. */
  readonly #sales = new Map<CouponId, Fed>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(parts: SaleFeedParts) {
    this.#parts = parts;
  }

  /** A first socket follows the sale. */
  begin(couponId: CouponId): void {
    const lively = performance.now() + LIVELY_MS;
    const fed = { text: null, publishedAt: Number.NEGATIVE_INFINITY, dueAt: 0, livelyUntil: lively, isLooking: false };
    this.#sales.set(couponId, fed);
    this.#timer ??= setInterval(() => this.#tick(performance.now()), TICK_MS).unref();
  }

  /** The last socket that followed the sale is gone. */
  end(couponId: CouponId): void {
    this.#sales.delete(couponId);
    if (this.#sales.size === 0) this.stop();
  }

  /** Redis announced a change of the sale, or an operator made one here. */
  changed(couponId: CouponId): void {
    const fed = this.#sales.get(couponId);
    if (fed === undefined) return;
    fed.dueAt = 0;
    fed.livelyUntil = performance.now() + LIVELY_MS;
  }

  /** The latest message about the sale; `seen` is what the caller has read, for a sale that was not looked at yet. */
  latest(couponId: CouponId, seen: Sale): string {
    const fed = this.#sales.get(couponId);
    const text = fed?.text ?? saleChangedText(seen);
    if (fed !== undefined) fed.text ??= text;
    return text;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(now: number): void {
    let places = LOOKS_PER_TICK;
    const due: CouponId[] = [];
    for (const [couponId, fed] of this.#sales) {
      if (fed.isLooking || now < fed.dueAt || now - fed.publishedAt < GAP_MS) continue;
      due.push(couponId);
      if (--places === 0) break;
    }
    for (const couponId of due) {
      const fed = this.#sales.get(couponId)!;
      this.#sales.delete(couponId);
      this.#sales.set(couponId, fed);
      void this.#look(couponId, fed, now);
    }
  }

  async #look(couponId: CouponId, fed: Fed, now: number): Promise<void> {
    fed.isLooking = true;
    fed.dueAt = now + (now < fed.livelyUntil ? GAP_MS : QUIET_MS);
    // PostgreSQL is away: the next look tries again.
    const sale = await this.#parts.look(couponId, FRESH_MS).catch(() => null);
    fed.isLooking = false;
    if (sale === null || this.#sales.get(couponId) !== fed) return;
    const text = saleChangedText(sale);
    if (text === fed.text) return;
    const isFirst = fed.text === null;
    fed.text = text;
    if (isFirst) return;
    const at = performance.now();
    fed.publishedAt = at;
    fed.livelyUntil = at + LIVELY_MS;
    fed.dueAt = at + GAP_MS;
    this.#parts.publish(couponId, text);
  }
}
