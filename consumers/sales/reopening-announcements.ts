import type { CouponId } from "../../contracts/wire/ids.ts";
import { ConcurrencyLimit } from "../engine/concurrency-limit.ts";

/** Each announcement holds a connection of the process' pool and may wait for a sale's lock. The fences need connections too. */
const AT_ONCE = 2;

/**
 * Writes into PostgreSQL when sales that are being rebuilt will open. It runs beside the recoveries and never delays one: at most two
 * sales at the same time, and at most one announcement per sale, waiting or under way. The queue is therefore never longer than
 * the list of sales that are being rebuilt.
 */
export class Announcements {
  readonly #announce: (couponId: CouponId, epoch: number, inMs: number) => Promise<void>;
  readonly #failed: (couponId: CouponId, error: unknown) => void;
  readonly #limit = new ConcurrencyLimit(AT_ONCE);
  /** The latest values of each sale whose announcement has not ended; `opensAt` by the monotonic clock. */
  readonly #last = new Map<CouponId, { readonly epoch: number; readonly opensAt: number }>();

  constructor(
    announce: (couponId: CouponId, epoch: number, inMs: number) => Promise<void>,
    failed: (couponId: CouponId, error: unknown) => void,
  ) {
    this.#announce = announce;
    this.#failed = failed;
  }

  /** Returns at once. While the sale's last announcement is waiting or under way, no second one begins. */
  expect(couponId: CouponId, epoch: number, inMs: number): void {
    const hasNotEnded = this.#last.has(couponId);
    this.#last.set(couponId, { epoch, opensAt: performance.now() + inMs });
    if (hasNotEnded) return;
    this.#limit
      .run(() => {
        const { epoch, opensAt } = this.#last.get(couponId)!;
        return this.#announce(couponId, epoch, Math.max(0, opensAt - performance.now()));
      })
      .catch((error) => this.#failed(couponId, error))
      .finally(() => this.#last.delete(couponId));
  }
}
