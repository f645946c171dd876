import { LRUCache } from "lru-cache";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Reopening } from "../../db/sales/reopening.ts";
import { opensInMs, REDIS_AWAY_MS } from "./opening-time.ts";

/**
 * Why Redis does not know a sale: it never existed, or it must be loaded (again) and opens at a known moment. A sale that is
 * over (ENDED) may never be loaded again, so a claim must not be answered with Retry-After, unless `comesBack`. Until the sale
 * `hasLeft` Redis for good, its requests may wait in the log and its claims in the ledger, however long ago it ended: until
 * then it is not certain whether a user has won.
 */
export type NotLoaded =
  | { readonly code: "COUPON_NOT_FOUND" }
  | {
      readonly code: "SALE_RECOVERING" | "ENDED";
      readonly opensInMs: number;
      readonly comesBack: boolean;
      readonly hasLeft: boolean;
    };
export type WhyNotLoaded = (couponId: CouponId) => Promise<NotLoaded>;

/** How long unknown ids are remembered: long enough to keep a flood of invented ids away from the database. */
const REMEMBER_UNKNOWN_MS = 1_000;
/** The expected end of a recovery changes during the recovery, so it is read at most four times a second for each sale. */
const REMEMBER_RECOVERING_MS = 250;

interface Answer {
  readonly at: number;
  readonly why: NotLoaded;
}

/**
 * Asks PostgreSQL whether the sale exists and when it opens, once per id at a time. When the database is away too, the
 * answer is SALE_RECOVERING: a 404 must never be a guess.
 */
export function createWhyNotLoaded(
  find: (couponId: CouponId) => Promise<Reopening | null>,
  messageTimeoutMs: number,
  onError: (error: unknown) => void,
): WhyNotLoaded {
  const answers = new LRUCache<CouponId, Promise<Answer>>({ max: 10_000, ttl: REMEMBER_UNKNOWN_MS });

  async function ask(couponId: CouponId): Promise<Answer> {
    let why: NotLoaded;
    try {
      const sale = await find(couponId);
      if (sale === null) why = { code: "COUPON_NOT_FOUND" };
      else {
        const code = sale.isOver ? "ENDED" : "SALE_RECOVERING";
        const { comesBack, hasLeft } = sale;
        why = { code, opensInMs: opensInMs(sale, messageTimeoutMs), comesBack, hasLeft };
      }
    } catch (error) {
      onError(error);
      why = { code: "SALE_RECOVERING", opensInMs: REDIS_AWAY_MS, comesBack: true, hasLeft: false };
    }
    if (why.code !== "COUPON_NOT_FOUND")
      answers.set(couponId, Promise.resolve({ at: performance.now(), why }), { ttl: REMEMBER_RECOVERING_MS });
    return { at: performance.now(), why };
  }

  return async (couponId) => {
    let answer = answers.get(couponId);
    if (answer === undefined) {
      answer = ask(couponId);
      answers.set(couponId, answer);
    }
    const { at, why } = await answer;
    return why.code === "COUPON_NOT_FOUND" ? why : { ...why, opensInMs: why.opensInMs - (performance.now() - at) };
  };
}
