import type { ClientOptions } from "./kafka.ts";

/** By syslog's severities, which librdkafka uses. */
const LEVELS = ["error", "error", "error", "error", "warn", "info", "info", "debug"] as const;
/** What was said is not said again for so long, milliseconds. */
const REMINDER_MS = 30_000;
/** Clients find a broker that is back one after the other, within about a second each; milliseconds. */
const SETTLED_MS = 2_000;
/** Beyond so many different texts the oldest are forgotten, and may be said again. */
const MOST_TEXTS = 200;

/**
 * What the clients of one process tell the log of their brokers. Each client repeats up to twenty times a second that all
 * brokers are down, and each failed connection is reported by every client, twice: it is said once, with a reminder every
 * 30 s, and once more when a broker answers again.
 */
export class BrokerLog {
  readonly #brokers: string;
  readonly #log: NonNullable<ClientOptions["log"]>;
  readonly #now: () => number;
  readonly #said = new Map<string, { at: number; unsaid: number }>();
  #awaySince: number | undefined;
  #lastAway = 0;
  #remindAt = 0;

  constructor({ brokers, log }: ClientOptions, now: () => number = () => performance.now()) {
    this.#brokers = brokers;
    this.#log = log ?? (() => {});
    this.#now = now;
  }

  /** A line of librdkafka's log. */
  line(severity: number, facility: string, text: string): void {
    this.#say(LEVELS[severity] ?? "debug", text, `${facility}: ${text}`);
  }

  /** An error that concerns a client as a whole; a failed connection's has the text of a line of the log. */
  error(text: string, isFatal = false): void {
    this.#say(isFatal ? "error" : "warn", text, text);
  }

  /** A client's word that it reaches none of its brokers. */
  unreachable(): void {
    const now = this.#now();
    this.#lastAway = now;
    if (this.#awaySince === undefined) this.#awaySince = now;
    else if (now < this.#remindAt) return;
    this.#remindAt = now + REMINDER_MS;
    const since = now - this.#awaySince;
    this.#log("warn", `kafka: no broker answers${since > 0 ? ` for ${seconds(since)}` : ""} (${this.#brokers})`);
  }

  /** A broker is connected to a client, or answered it. */
  reachable(): void {
    if (this.#awaySince === undefined) return;
    const now = this.#now();
    if (now - this.#lastAway < SETTLED_MS) return;
    this.#log("info", `kafka: a broker answers again, after ${seconds(now - this.#awaySince)}`);
    this.#awaySince = undefined;
  }

  #say(level: (typeof LEVELS)[number], text: string, message: string): void {
    // Who said it and how long it took differ each time.
    const what = text.replace(/^\[thrd:.*?\]: /, "").replace(/ \(after .*$/, "");
    const now = this.#now();
    const before = this.#said.get(what);
    if (before !== undefined && now - before.at < REMINDER_MS) {
      before.unsaid++;
      return;
    }
    this.#said.delete(what); // so that the first of the map is the oldest
    this.#said.set(what, { at: now, unsaid: 0 });
    if (this.#said.size > MOST_TEXTS) this.#said.delete(this.#said.keys().next().value!);
    const again = before !== undefined && before.unsaid > 0 ? ` (${before.unsaid} times more meanwhile)` : "";
    this.#log(level, `kafka: ${message}${again}`);
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
