import type { Sale } from "../../contracts/http.ts";
import type { CouponId } from "../../contracts/ids.ts";

/** Timers reach 24 days; and a machine that slept, or whose clock was set, must not be wrong for long. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;
/** A sale that can't be looked at, or is being rebuilt in the moment it starts, is looked at again. */
const AGAIN_MS = 1000;

export interface Openings {
  /** Somebody here follows a sale that has not started. */
  expect(couponId: CouponId): void;
  /** Whether a sale is known not to have started: an operator who opens it before its time opens nothing yet. */
  awaits(couponId: CouponId): boolean;
  stop(): void;
}

/**
 * Tells when a sale starts. Redis judges each claim by its clock and changes nothing at that moment, so there is no
 * announcement to hear: each gateway keeps the time for the sales that its own sockets follow.
 */
export function createOpenings(
  viewSale: (couponId: CouponId) => Promise<Pick<Sale, "state" | "startsAt"> | null>,
  opened: (couponId: CouponId) => void,
): Openings {
  const awaited = new Map<CouponId, ReturnType<typeof setTimeout> | undefined>();

  function lookIn(couponId: CouponId, ms: number): void {
    const timer = setTimeout(() => void look(couponId), Math.min(Math.max(ms, 1), LONGEST_WAIT_MS));
    timer.unref();
    awaited.set(couponId, timer);
  }

  async function look(couponId: CouponId): Promise<void> {
    // The database is away: whoever asked hears that from their own request; here it is only asked again.
    const sale = await viewSale(couponId).catch(() => "unknown" as const);
    if (!awaited.has(couponId)) return;
    if (sale === "unknown" || sale?.state === "RECOVERING") lookIn(couponId, AGAIN_MS);
    else if (sale?.state === "SCHEDULED") lookIn(couponId, Date.parse(sale.startsAt) - Date.now());
    else {
      awaited.delete(couponId);
      if (sale?.state === "OPEN") opened(couponId); // paused or closed by now: the gate's news tell the rest
    }
  }

  return {
    expect(couponId) {
      if (awaited.has(couponId)) return;
      awaited.set(couponId, undefined);
      void look(couponId);
    },
    awaits: (couponId) => awaited.has(couponId),
    stop() {
      for (const timer of awaited.values()) clearTimeout(timer);
      awaited.clear();
    },
  };
}
