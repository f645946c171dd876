import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { comeBack } from "./opening-time.ts";
import type { WhyNotLoaded } from "./why-not-loaded.ts";

/** The error for an operator's call that must wait until a sale is rebuilt. */
export type SaleRecovering = (couponId: CouponId) => Promise<StampedeError>;

export function createSaleRecovering(whyNotLoaded: WhyNotLoaded): SaleRecovering {
  return async (couponId) => {
    const why = await whyNotLoaded(couponId);
    if (why.code === "COUPON_NOT_FOUND") return new StampedeError(why.code);
    if (why.code === "ENDED" && why.hasLeft) {
      return new StampedeError("CONFLICT", "The sale is over and Redis does not hold it any more: nothing changes it");
    }
    const { retryAfterS, extra } = comeBack(why.opensInMs);
    return new StampedeError("SALE_RECOVERING", "The sale is being rebuilt; ask again when it is open", {
      retryAfterS,
      extra,
    });
  };
}
