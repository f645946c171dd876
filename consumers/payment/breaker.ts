/** Window size in calls, and the minimum number of calls before the breaker may open. */
const WINDOW = 10;
const MINIMUM = 5;
const FAILING_SHARE = 0.5;

export interface Breaker {
  /**
   * A call ended. @param works the provider answered as one that works does; a decline is such an answer
   * @param notBefore the provider asked to be left alone until then, by the clock of `allowed`
   */
  count(works: boolean, notBefore?: number): void;
  /** How many calls may begin, of those that there is room for. */
  allowed(room: number, nowMs: number): number;
  readonly isOpen: boolean;
}

/**
 * Spares a provider that is ill: while half of the calls tell nothing, one in `openMs` tries, and the first that has an
 * answer lets the others go on. Payments wait in their table meanwhile; nobody's order is failed.
 * Of our own, because it does not wrap calls (a library's breaker refuses them): it says how many to take from the table.
 */
export function createBreaker(openMs: number, onChange: (open: boolean) => void): Breaker {
  let results: boolean[] = [];
  let open = false;
  let nextTryAt = 0;
  const turn = (to: boolean) => {
    if (open === to) return;
    open = to;
    results = [];
    onChange(open);
  };
  return {
    get isOpen() {
      return open;
    },
    count(works, notBefore = 0) {
      if (open && works) return turn(false);
      results = [...results.slice(1 - WINDOW), works];
      const failed = results.filter((one) => !one).length;
      if (results.length >= MINIMUM && failed >= results.length * FAILING_SHARE) turn(true);
      if (open) nextTryAt = Math.max(nextTryAt, notBefore);
    },
    allowed(room, nowMs) {
      if (!open) return room;
      if (nowMs < nextTryAt || room < 1) return 0;
      nextTryAt = nowMs + openMs;
      return 1;
    },
  };
}
