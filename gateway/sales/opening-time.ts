import type { Reopening } from "../../db/sales/reopening.ts";

/** How long a loader may take to notice that Redis lost a sale, and to fence and load it. */
const NOTICE_MS = 1_500;
/** A sale that is being loaded opens within milliseconds. */
const SOON_MS = 500;
/** A loader that is later than this has stopped, and the next one begins anew. */
const LATE_MS = 3_000;
/** A sale that was loaded within this time was opened while the claim was on its way. */
const JUST_LOADED_MS = 2_000;
/** Jitter on Retry-After, so that clients do not return in step. */
const SPREAD_MS = 2_000;

/**
 * Retry-After while Redis does not answer. It is short: if only the connection broke, claims continue at once; if a recovery
 * follows, the next answer has its end.
 */
export const REDIS_AWAY_MS = 2_000;

/** Milliseconds until a sale that Redis does not know can be claimed; at least `SOON_MS`. */
export function opensInMs({ loadState, opensInMs, writtenMsAgo }: Reopening, messageTimeoutMs: number): number {
  const wholeRecovery = messageTimeoutMs + NOTICE_MS;
  switch (loadState) {
    case "NEW":
      return SOON_MS;
    case "LOADED":
      return writtenMsAgo < JUST_LOADED_MS ? SOON_MS : wholeRecovery;
    default:
      if (opensInMs === null || opensInMs < -LATE_MS) return loadState === "LOADING" ? SOON_MS : wholeRecovery;
      return Math.max(SOON_MS, opensInMs);
  }
}

/** The seconds for `Retry-After`, and the moment for the body. */
export interface ComeBack {
  readonly retryAfterS: number;
  readonly extra: { readonly retryAt: string };
}

/**
 * When to ask again about a sale that opens in `opensInMs`: not earlier, and up to two seconds later at random, because 50,000
 * clients with the same answer would return in the same second.
 */
export function comeBack(opensInMs: number, nowMs: number = Date.now(), random: () => number = Math.random): ComeBack {
  const waitMs = Math.max(0, opensInMs) + random() * SPREAD_MS;
  return {
    retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)),
    extra: { retryAt: new Date(nowMs + waitMs).toISOString() },
  };
}
