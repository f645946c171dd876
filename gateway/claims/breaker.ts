/** Decides whether a claim waits for Kafka's report. */
export interface AckBreaker {
  /** false: reports are late; answer from the ledger at once. */
  shouldWait(): boolean;
  onTime(): void;
  late(): void;
  readonly open: boolean;
}

/** Late reports in a row that open the breaker. A single late report may be a garbage collection. */
const LATE_TO_OPEN = 8;
/** Reports on time in a row that close the breaker: the log has caught up. */
const ON_TIME_TO_CLOSE = 8;

/**
 * Late reports open it, reports on time close it. Records are still produced while it is open, because their reports are
 * what closes it; only the waiting stops. So a stalled broker costs 200 ms for a few claims, not for all.
 */
export function createAckBreaker(onChange: (open: boolean) => void): AckBreaker {
  let open = false;
  let run = 0;
  function count(against: boolean, limit: number): void {
    if (!against) {
      run = 0;
      return;
    }
    run++;
    if (run < limit) return;
    open = !open;
    run = 0;
    onChange(open);
  }
  return {
    shouldWait: () => !open,
    onTime: () => count(open, ON_TIME_TO_CLOSE),
    late: () => count(!open, LATE_TO_OPEN),
    get open() {
      return open;
    },
  };
}
