/** Of the last calls so many are looked at, and from so many on they mean something. */
const WINDOW = 10;
const MINIMUM = 5;
const FAILING_SHARE = 0.5;

export interface Breaker {
  /** A call ended. @param known it had a definite answer; a decline is one */
  count(known: boolean): void;
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
    count(known) {
      if (open) return known ? turn(false) : undefined;
      results = [...results.slice(1 - WINDOW), known];
      const failed = results.filter((one) => !one).length;
      if (results.length >= MINIMUM && failed >= results.length * FAILING_SHARE) turn(true);
    },
    allowed(room, nowMs) {
      if (!open) return room;
      if (nowMs < nextTryAt || room < 1) return 0;
      nextTryAt = nowMs + openMs;
      return 1;
    },
  };
}
