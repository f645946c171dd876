/** Window size in users, and the minimum number of them before the breaker may open. */
const WINDOW = 10;
const MINIMUM = 5;
const FAILING_SHARE = 0.5;

export interface Breaker {
  /**
   * A call ended. @param works the provider answered as one that works does; a decline is such an answer
   * @param userId whose payment it was for
   * @param notBefore the provider asked to be left alone until then, by the clock of `allowed`
   */
  count(works: boolean, userId: string, notBefore?: number): void;
  /** How many calls may begin, of those that there is room for. */
  allowed(room: number, nowMs: number): number;
  /**
   * For the one try that was just allowed while it is open: rather a payment that was never tried, of somebody else than these
   * users. null: whichever waits longest. In turn, so that neither odd payments nor old ones are all that is tried.
   */
  avoid(): readonly string[] | null;
  readonly isOpen: boolean;
}

/**
 * Spares a provider that is ill: while half of the calls tell nothing, one in `openMs` tries, and the first that has an
 * answer lets the others go on. Payments wait in their table meanwhile; nobody's order is failed.
 * The window holds the last call of each of the last ten users, so one customer's odd payments are one call, however many they
 * are: docs/decisions/0063-one-users-payments.md.
 * Of our own, because it does not wrap calls (a library's breaker refuses them): it says how many to take from the table.
 */
export function createBreaker(openMs: number, onChange: (open: boolean) => void): Breaker {
  let results: { readonly userId: string; readonly works: boolean }[] = [];
  let open = false;
  let nextTryAt = 0;
  let tries = 0;
  const turn = (to: boolean) => {
    if (open === to) return;
    open = to;
    tries = 0;
    // While it is open, who failed is remembered: see `avoid`.
    if (!open) results = [];
    onChange(open);
  };
  return {
    get isOpen() {
      return open;
    },
    count(works, userId, notBefore = 0) {
      if (open && works) return turn(false);
      results = [...results.filter((one) => one.userId !== userId).slice(1 - WINDOW), { userId, works }];
      const failed = results.filter((one) => !one.works).length;
      if (results.length >= MINIMUM && failed >= results.length * FAILING_SHARE) turn(true);
      if (open) nextTryAt = Math.max(nextTryAt, notBefore);
    },
    allowed(room, nowMs) {
      if (!open) return room;
      if (nowMs < nextTryAt || room < 1) return 0;
      nextTryAt = nowMs + openMs;
      tries++;
      return 1;
    },
    avoid() {
      if (!open || tries % 2 === 0) return null;
      return results.flatMap(({ userId, works }) => (works ? [] : [userId]));
    },
  };
}
