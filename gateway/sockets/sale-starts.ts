import { LRUCache } from "lru-cache";
import type { Sale } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";

/** The longest wait of a timer. Timers are limited to 24 days, and a machine may sleep, or its clock may be set. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;
/** The wait after a failed lookup, or after one of a sale that is being rebuilt at its start. */
const AGAIN_MS = 1000;
/** Limit of remembered openings. A forgotten one may be announced again, which is harmless. */
const TOLD = 10_000;

export type SaleStart = Pick<Sale, "state" | "startsAt" | "issueMode">;

export interface SaleStartsParts {
  readonly viewSale: (couponId: CouponId) => Promise<SaleStart | null>;
  /** The clock by which claims of the sale are decided, milliseconds since 1970. */
  readonly saleTime: (couponId: CouponId) => Promise<number>;
  /** Whether any socket here still follows the sale. */
  readonly isFollowed: (couponId: CouponId) => boolean;
  readonly opened: (couponId: CouponId) => void;
}

/**
 * Announces the start of a sale to sockets. Redis compares each claim with its clock and changes nothing at the start, so there
 * is no announcement from Redis. Each gateway has timers for the sales that its sockets follow, by Redis' clock. The gateway's
 * clock may be seconds off; after an early announcement every client would claim in vain and use up its rate limit.
 */
export class SaleStarts {
  readonly #awaited = new Map<CouponId, ReturnType<typeof setTimeout> | undefined>();
  /** Awaited sales whose opening is announced even if their start was announced before. */
  readonly #reopened = new Set<CouponId>();
  /** The announced start of each sale. */
  readonly #told = new LRUCache<CouponId, string>({ max: TOLD });

  constructor(private readonly parts: SaleStartsParts) {}

  /** Called when a socket here follows a sale that has not started. Each start is announced once. */
  expect(couponId: CouponId): void {
    if (this.#awaited.has(couponId)) return;
    this.#awaited.set(couponId, undefined);
    void this.#look(couponId);
  }

  /** Called when an operator opened the sale, or it can be won again. Announced now, or when the sale starts. */
  reopened(couponId: CouponId): void {
    this.#reopened.add(couponId);
    this.expect(couponId);
  }

  /** Whether a timer waits for the sale's start here. */
  awaits(couponId: CouponId): boolean {
    return this.#awaited.has(couponId);
  }

  stop(): void {
    for (const timer of this.#awaited.values()) clearTimeout(timer);
    this.#awaited.clear();
    this.#reopened.clear();
  }

  #forget(couponId: CouponId): void {
    this.#awaited.delete(couponId);
    this.#reopened.delete(couponId);
  }

  #lookIn(couponId: CouponId, ms: number): void {
    const timer = setTimeout(() => void this.#look(couponId), Math.min(Math.max(Math.ceil(ms), 1), LONGEST_WAIT_MS));
    timer.unref();
    this.#awaited.set(couponId, timer);
  }

  async #look(couponId: CouponId): Promise<void> {
    const { viewSale, saleTime, isFollowed } = this.parts;
    if (!isFollowed(couponId)) {
      this.#forget(couponId);
      return;
    }
    // Redis or PostgreSQL is away: the user's request is answered with that error; here the lookup is only repeated.
    const seen = await viewSale(couponId)
      .then(async (sale) => ({ sale, now: await saleTime(couponId) }))
      .catch(() => null);
    if (!this.#awaited.has(couponId)) return;
    if (seen === null) {
      // A sale that is already open need not wait for the database.
      if (this.#reopened.has(couponId)) this.#tell(couponId, undefined);
      else this.#lookIn(couponId, AGAIN_MS);
      return;
    }
    const { sale, now } = seen;
    if (sale === null || sale.state === "ENDED") this.#forget(couponId);
    else {
      const startsAt = Date.parse(sale.startsAt);
      // A queued sale starts by the gateway's clock.
      const waitMs = sale.issueMode === "QUEUED" ? startsAt - Math.min(now, Date.now()) : startsAt - now;
      if (waitMs > 0) this.#await(couponId, waitMs);
      else this.#started(couponId, sale);
    }
  }

  #await(couponId: CouponId, ms: number): void {
    this.#told.delete(couponId);
    this.#reopened.delete(couponId);
    this.#lookIn(couponId, ms);
  }

  #started(couponId: CouponId, sale: SaleStart): void {
    // Redis announces a change before PostgreSQL has committed it, so the announcement is newer than the row.
    if (this.#reopened.has(couponId)) this.#tell(couponId, sale.startsAt);
    else if (sale.state === "RECOVERING") this.#lookIn(couponId, AGAIN_MS);
    else if (sale.state === "PAUSED" || sale.state === "CLOSED")
      this.#forget(couponId); // later changes come from the gate's updates
    else if (this.#told.get(couponId) === sale.startsAt) this.#forget(couponId);
    else this.#tell(couponId, sale.startsAt);
  }

  /** In a later turn of the event loop, so that earlier refusals by Redis reach their clients before the announcement. */
  #tell(couponId: CouponId, startsAt: string | undefined): void {
    if (startsAt !== undefined) this.#told.set(couponId, startsAt);
    const timer = setTimeout(() => {
      this.#forget(couponId);
      this.parts.opened(couponId);
    }, 0);
    this.#awaited.set(couponId, timer);
  }
}
