/** When a breaker opens, and how long it stays open. */
export interface BreakerRule {
  /** Window size: how many of the last calls are looked at. */
  readonly window: number;
  /** The minimum number of calls in the window before the breaker may open. */
  readonly minimum: number;
  /** Whether so many failures among so many calls open it. */
  readonly opens: (failures: number, calls: number) => boolean;
  /** Between two tries while it is open, milliseconds. */
  readonly openMs: number;
}

interface Call {
  readonly key: string | undefined;
  readonly works: boolean;
}

export interface CallEnd {
  /** Whose call it was. The window holds only the last call of each key. undefined: the call counts by itself. */
  readonly key?: string;
  /** No try before this moment, on the clock of `allowed`. */
  readonly notBefore?: number;
}

/**
 * A circuit breaker for work that is taken in portions. It wraps no call: it says how many calls may begin, and is told how each
 * ended. Closed, it lets all begin. Open, it lets one try in `openMs`, and the first call that works closes it.
 * All times come from the caller's monotonic clock: a library's breaker (cockatiel) stays open by the wall clock, which people and NTP
 * set back. Why no library: docs/decisions/0065-one-breaker.md.
 */
export class Breaker {
  readonly #rule: BreakerRule;
  readonly #onChange: (open: boolean) => void;
  #calls: readonly Call[] = [];
  #isOpen = false;
  #nextTryAt = 0;
  #tries = 0;

  /** @param onChange true: it opened; false: it closed */
  constructor(rule: BreakerRule, onChange: (open: boolean) => void) {
    this.#rule = rule;
    this.#onChange = onChange;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How many tries were allowed since it opened. */
  get tries(): number {
    return this.#tries;
  }

  /** How many calls may begin, of those that there is `room` for. @param nowMs a monotonic clock */
  allowed(room: number, nowMs: number): number {
    if (!this.#isOpen) return room;
    if (nowMs < this.#nextTryAt || room < 1) return 0;
    this.#nextTryAt = nowMs + this.#rule.openMs;
    this.#tries++;
    return 1;
  }

  /** A call ended. @param works the other side works: a refusal is such an answer */
  count(works: boolean, { key, notBefore = 0 }: CallEnd = {}): void {
    if (this.#isOpen && works) {
      this.#calls = [];
      this.#turn(false);
    }
    const others = key === undefined ? this.#calls : this.#calls.filter((call) => call.key !== key);
    this.#calls = [...others.slice(1 - this.#rule.window), { key, works }];
    if (works) return; // a call that works opens nothing, whatever came before it
    const failures = this.#calls.filter((call) => !call.works).length;
    if (this.#calls.length >= this.#rule.minimum && this.#rule.opens(failures, this.#calls.length)) this.#turn(true);
    if (this.#isOpen) this.#nextTryAt = Math.max(this.#nextTryAt, notBefore);
  }

  /** The keys whose last call failed. */
  failing(): readonly string[] {
    return this.#calls.flatMap(({ key, works }) => (works || key === undefined ? [] : [key]));
  }

  #turn(open: boolean): void {
    if (this.#isOpen === open) return;
    this.#isOpen = open;
    this.#tries = 0;
    this.#onChange(open);
  }
}
