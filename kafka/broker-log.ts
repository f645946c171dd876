import type { ClientOptions } from "./kafka.ts";

/** Log level per syslog severity (0–7), which librdkafka uses. */
const LEVELS = ["error", "error", "error", "error", "warn", "info", "info", "debug"] as const;
/** Milliseconds in which the same text is not logged again. */
const REMINDER_MS = 30_000;
/** Milliseconds without a failed client until the broker counts as back: each client finds it within about a second. */
const SETTLED_MS = 2_000;
/** The most texts that are remembered. An older one is forgotten and may be logged again. */
const MOST_TEXTS = 200;

/**
 * Logs what the clients of one process report about their brokers. Each client reports up to twenty times a second that all
 * brokers are down, and each client reports each failed connection twice. Each text is logged once, with a reminder every
 * 30 s; the end of an outage is logged once.
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

  /** An error of a whole client. The error of a failed connection has the same text as a line of librdkafka's log. */
  error(text: string, isFatal = false): void {
    this.#say(isFatal ? "error" : "warn", text, text);
  }

  /** A client reports that it reaches none of its brokers. */
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
    // The thread and the duration differ each time, so they are not part of what is compared.
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
