import { LRUCache } from "lru-cache";
import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { HeldCouponStatus } from "../../db/claims/find.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import type { WinState } from "../../lua/win-state.ts";
import type { CouponOffer } from "./price-lines.ts";

export interface CouponSources {
  readonly findSale: (couponId: CouponId) => Promise<SaleRow | null>;
  /** The coupon in PostgreSQL. */
  readonly findHeld: (couponId: CouponId, userId: UserId) => Promise<HeldCouponStatus | null>;
  /** The win in Redis, which may not be persisted yet. */
  readonly holding: (couponId: CouponId, userId: UserId) => Promise<WinState>;
  readonly now?: () => number;
  readonly onError: (error: unknown) => void;
}

/**
 * @throws StampedeError COUPON_NOT_FOUND, COUPON_NOT_HELD, COUPON_ALREADY_USED, COUPON_EXPIRED, DATABASE_UNAVAILABLE,
 * REDIS_UNAVAILABLE
 */
export type CouponTerms = (couponId: CouponId, userId: UserId, orderId: OrderId) => Promise<CouponOffer>;

/** What a sale's coupons take off. `validUntil`: milliseconds since 1970. */
type Terms = CouponOffer & { readonly validUntil: number };
/** How long terms are remembered: the longest delay of a later `validUntil`. */
const TERMS_MS = 1_000;

/**
 * What the caller's coupon takes off. Of the terms of an open sale only `validUntil` changes, so they are remembered for a second. The coupon's owner is looked
 * up every time, but only to refuse orders early: the coupon step decides. So the order is accepted if only Redis knows the
 * win, if Redis cannot say (the sale is being rebuilt), and by Redis' answer alone while PostgreSQL does not answer.
 */
export function createCouponTerms({
  findSale,
  findHeld,
  holding,
  now = Date.now,
  onError,
}: CouponSources): CouponTerms {
  const known = new LRUCache<CouponId, Terms>({ max: 10_000, ttl: TERMS_MS });

  const readTerms = sharedLook(
    async (couponId: CouponId): Promise<Terms> => {
      const sale = await findSale(couponId);
      if (sale === null) throw new StampedeError("COUPON_NOT_FOUND");
      const { discountType, discountValue, maxDiscount, minOrderAmount, currency } = sale;
      const terms = {
        validUntil: sale.validUntil?.getTime() ?? Number.POSITIVE_INFINITY,
        discountType,
        discountValue,
        maxDiscount: maxDiscount as Money | null,
        minOrderAmount: minOrderAmount as Money,
        currency: currency as Currency,
      };
      known.set(couponId, terms);
      return terms;
    },
    { joinRunning: true },
  );

  return async (couponId, userId, orderId) => {
    const terms = known.get(couponId) ?? (await readTerms(couponId));
    if (now() >= terms.validUntil) throw new StampedeError("COUPON_EXPIRED");
    const held = await findHeld(couponId, userId).catch((error: unknown) => {
      if (!(error instanceof StampedeError && error.code === "DATABASE_UNAVAILABLE")) throw error;
      onError(error);
      return null;
    });
    if (held?.status === "USED" && held.orderId !== orderId) throw new StampedeError("COUPON_ALREADY_USED");
    if (held === null && (await holding(couponId, userId)) === "NOT_WON") throw new StampedeError("COUPON_NOT_HELD");
    return terms;
  };
}
