import type { SettleTimes } from "../../lua/settle-times.ts";

/** Used while there is no measurement of settled orders. */
const DEFAULT_S = 2;
/** The time between two reads. */
const LOOK_EVERY_MS = 1_000;

/**
 * The 95th percentile of the seconds in which orders settle at present, as the saga measures it. It is read at most once a
 * second, and no answer waits for it: an answer shows the result of the read before.
 */
export function createEstimate(
  read: () => Promise<SettleTimes | null>,
  onError: (error: unknown) => void,
  now: () => number = () => performance.now(),
): () => number {
  let seconds = DEFAULT_S;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const times = await read();
    seconds = times === null ? DEFAULT_S : Math.max(1, Math.ceil(times.p95Ms / 1_000));
  };
  return () => {
    if (now() - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = now();
      void look().catch(onError);
    }
    return seconds;
  };
}
