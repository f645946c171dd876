import type { OrderId } from "../../contracts/orders/ids.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Executor, Sql } from "../../db/client.ts";
import { findAbsentSales } from "../../db/sales/live.ts";
import {
  type CouponUse,
  giveCouponsBack,
  type HeldCoupon,
  lockHeldCoupons,
  useCoupons,
} from "../../db/steps/coupons.ts";
import type { WinState } from "../../lua/win-state.ts";
import type { Restore, StepCommand } from "./request.ts";
import { COMPLETED, type LockedRows, type StepVerdict, type StepWork, WAIT } from "./step-work.ts";

export interface CouponUsageDeps {
  readonly sql: Sql;
  /** What Redis says of a user's win. @throws StampedeError REDIS_UNAVAILABLE */
  readonly holdingOf: (couponId: CouponId, userId: UserId) => Promise<WinState>;
  /** How long after its end a sale is kept in Redis, hours. */
  readonly keepHours: number;
  readonly onError: (message: string, error: unknown) => void;
}

/**
 * Uses a coupon for an order. Its amounts are not looked at again, only whether it may be used. A coupon that is not in
 * PostgreSQL may have been won a moment ago: as long as Redis says so, or cannot say, the command is parked.
 */
export function couponUsage({ sql, holdingOf, keepHours, onError }: CouponUsageDeps): StepWork<"COUPON"> {
  return {
    step: "COUPON",
    async enter(tx, commands, restores) {
      const wanted = new Map([...commands, ...restores].map(({ data }) => [nameOf(data), data]));
      return new Wallets(wanted.size === 0 ? [] : await lockHeldCoupons(tx, [...wanted.values()]));
    },
    async lookElsewhere(waiting) {
      const refused = new Map<OrderId, ResultCode>();
      const couponIds = [...new Set(waiting.map(({ data }) => data.couponId))];
      // Of sales that Redis may have forgotten, PostgreSQL knows all there will ever be.
      const sales = await findAbsentSales(sql, couponIds, keepHours);
      const isClosedBook = (couponId: CouponId) => sales.get(couponId)?.over ?? true;
      const look = async ({ orderId, data: { couponId, userId } }: StepCommand<"COUPON">) => {
        if (isClosedBook(couponId) || (await holdingOf(couponId, userId)) === "NOT_WON") {
          refused.set(orderId, "COUPON_NOT_HELD");
        }
      };
      await Promise.all(
        waiting.map((command) =>
          look(command).catch((error) => onError("whether a coupon was won is not known", error)),
        ),
      );
      return refused;
    },
  };
}

const nameOf = ({ couponId, userId }: { readonly couponId: CouponId; readonly userId: UserId }) =>
  `${couponId} ${userId}`;

/** The coupons of a batch, as they stand while it is judged. */
class Wallets implements LockedRows<"COUPON"> {
  readonly #held: Map<string, HeldCoupon>;
  readonly #used: CouponUse[] = [];
  readonly #givenBack: CouponUse[] = [];

  constructor(held: readonly HeldCoupon[]) {
    this.#held = new Map(held.map((coupon) => [nameOf(coupon), coupon]));
  }

  async undo(_tx: Executor, restores: readonly Restore<"COUPON">[]): Promise<void> {
    for (const { orderId, data } of restores) {
      const held = this.#held.get(nameOf(data));
      if (held?.orderId === orderId) this.#held.set(nameOf(data), { ...held, status: "ACTIVE", orderId: null });
      this.#givenBack.push({ ...data, orderId });
    }
  }

  judge({ orderId, data, at }: StepCommand<"COUPON">): StepVerdict {
    const { couponId, userId, totalAmount } = data;
    const name = nameOf(data);
    const held = this.#held.get(name);
    if (held === undefined) return WAIT;
    if (held.status === "USED") return { outcome: "FAILED", reason: "COUPON_ALREADY_USED" };
    // The time at which the gateway accepted the order counts: a coupon must not expire while its order waits in a queue.
    const orderedAt = Date.parse(data.orderedAt ?? "") || at;
    if (held.validUntil !== null && orderedAt >= held.validUntil.getTime())
      return { outcome: "FAILED", reason: "COUPON_EXPIRED" };
    if (totalAmount < held.minOrderAmount) return { outcome: "FAILED", reason: "MIN_ORDER_AMOUNT" };
    this.#held.set(name, { ...held, status: "USED", orderId });
    this.#used.push({ couponId, userId, orderId });
    return COMPLETED;
  }

  async write(tx: Executor): Promise<void> {
    // In this order: what one order gives back, another of the same batch may use.
    if (this.#givenBack.length > 0) await giveCouponsBack(tx, this.#givenBack);
    if (this.#used.length > 0) await useCoupons(tx, this.#used);
  }
}
