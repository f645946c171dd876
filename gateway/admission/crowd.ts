/** How often the connections are counted, in milliseconds. */
const SAMPLE_MS = 100;
/** From this share of the limit on, answers end their connections, so that those that are idle do not fill it. */
const BUSY_SHARE = 0.9;

/**
 * Whether the process has more connections than it may. Neither Bun nor uWebSockets.js can refuse to accept, or tell which
 * connection is new. So near the limit every answer ends its connection, and at the limit every request gets 503 and its connection
 * ends; both frees descriptors for those that want to come in. Between two counts every ended connection is subtracted, so that no
 * more of them end than must.
 */
export class Crowd {
  #connections = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * @param limit connections that the process may have
   * @param count reads how many there are; undefined: the system does not tell
   */
  constructor(
    readonly limit: number,
    private readonly count: () => number | undefined,
  ) {
    this.sample();
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS);
    this.#timer.unref();
  }

  /** Connections at the last count. */
  get connections(): number {
    return this.#connections;
  }

  /** Answers should end their connections. */
  get isBusy(): boolean {
    return this.#connections >= this.limit * BUSY_SHARE;
  }

  /** Requests are refused. */
  get isFull(): boolean {
    return this.#connections >= this.limit;
  }

  /** A connection ends with its answer. */
  left(): void {
    this.#connections--;
  }

  sample(): void {
    this.#connections = this.count() ?? 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
