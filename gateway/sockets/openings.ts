import { LRUCache } from "lru-cache";
import type { Sale } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";

/** Timers reach 24 days; and a machine that slept, or whose clock was set, must not be wrong for long. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;
/** A sale that can't be looked at, or is being rebuilt in the moment it starts, is looked at again. */
const AGAIN_MS = 1000;
/** Openings remembered as told. One that is forgotten could at worst be told again. */
const TOLD = 10_000;

export type SaleStart = Pick<Sale, "state" | "startsAt" | "issueMode">;

export interface OpeningsParts {
  readonly viewSale: (couponId: CouponId) => Promise<SaleStart | null>;
  /** The clock that judges the sale's claims, milliseconds since 1970. */
  readonly saleTime: (couponId: CouponId) => Promise<number>;
  /** Whether any socket here still follows the sale. */
  readonly isFollowed: (couponId: CouponId) => boolean;
  readonly opened: (couponId: CouponId) => void;
}

/**
 * Tells when a sale starts. Redis judges each claim by its clock and changes nothing at that moment, so there is no
 * announcement to hear: each gateway keeps the time for the sales that its own sockets follow, by Redis' clock. Its own may
 * be seconds off: told too early, every client would claim in vain, be told again, and lose by its rate limit.
 */
export class Openings {
  readonly #awaited = new Map<CouponId, ReturnType<typeof setTimeout> | undefined>();
  /** Awaited ones that are told whether or not their start was. */
  readonly #reopened = new Set<CouponId>();
  /** The start that was told of each sale. */
  readonly #told = new LRUCache<CouponId, string>({ max: TOLD });

  constructor(private readonly parts: OpeningsParts) {}

  /** Somebody here follows a sale that has not started. Each start is told once. */
  expect(couponId: CouponId): void {
    if (this.#awaited.has(couponId)) return;
    this.#awaited.set(couponId, undefined);
    void this.#look(couponId);
  }

  /** An operator opened the sale, or it can be won again. That is told now, or when it starts. */
  reopened(couponId: CouponId): void {
    this.#reopened.add(couponId);
    this.expect(couponId);
  }

  /** Whether the sale's start is being awaited here. */
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
    // Redis or PostgreSQL is away: the user's own request answers with that error; here the look is only repeated.
    const seen = await viewSale(couponId)
      .then(async (sale) => ({ sale, now: await saleTime(couponId) }))
      .catch(() => null);
    if (!this.#awaited.has(couponId)) return;
    if (seen === null) {
      // What is open already need not wait for a database to say so.
      if (this.#reopened.has(couponId)) this.#tell(couponId, undefined);
      else this.#lookIn(couponId, AGAIN_MS);
      return;
    }
    const { sale, now } = seen;
    if (sale === null || sale.state === "ENDED") this.#forget(couponId);
    else {
      const startsAt = Date.parse(sale.startsAt);
      // A queued sale's door is opened by the gateway's own clock.
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
    // Redis announces a change before PostgreSQL has committed it: what was announced is newer than what is seen.
    if (this.#reopened.has(couponId)) this.#tell(couponId, sale.startsAt);
    else if (sale.state === "RECOVERING") this.#lookIn(couponId, AGAIN_MS);
    else if (sale.state === "PAUSED" || sale.state === "CLOSED")
      this.#forget(couponId); // the gate's news tell the rest
    else if (this.#told.get(couponId) === sale.startsAt) this.#forget(couponId);
    else this.#tell(couponId, sale.startsAt);
  }

  /** In a later turn of the event loop: refusals that Redis gave before this moment reach their clients before the news. */
  #tell(couponId: CouponId, startsAt: string | undefined): void {
    if (startsAt !== undefined) this.#told.set(couponId, startsAt);
    const timer = setTimeout(() => {
      this.#forget(couponId);
      this.parts.opened(couponId);
    }, 0);
    this.#awaited.set(couponId, timer);
  }
}
