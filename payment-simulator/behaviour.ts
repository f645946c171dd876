import { announce, capture, type Entry } from "./entry.ts";
import type { ProviderRefusalCode } from "./refusals.ts";

/** What a charge does to the books, and how it is answered. */
export interface Charged {
  readonly entry: Entry;
  /**
   * now: with the payment. slowly: with what it is when the time of slow cards is over. never: the caller hears nothing.
   * Else with an error (errors.ts) and without an effect.
   */
  readonly answer: "now" | "slowly" | "never" | ProviderRefusalCode;
}

type Behaviour = (entry: Entry, nowMs: number) => Charged;

/** How often `tok_error` fails before it works. */
const ERRORS = 2;

const ok: Behaviour = (entry) => ({ entry: capture(entry), answer: "now" });
const decline =
  (reason: string): Behaviour =>
  (entry) => ({ entry: { ...entry, status: "DECLINED", reason }, answer: "now" });
/** The first `times` charges are answered with an error, then it works. */
const failing =
  (answer: ProviderRefusalCode, times: number): Behaviour =>
  (entry, nowMs) =>
    entry.calls <= times ? { entry, answer } : ok(entry, nowMs);
/** Another capture than what was asked for. */
const capturing =
  (what: (entry: Entry) => Pick<Entry, "captured" | "currency">): Behaviour =>
  (entry) => ({ entry: { ...capture(entry), ...what(entry) }, answer: "now" });
const lost: Behaviour = (entry, nowMs) => (entry.calls === 1 ? { entry, answer: "never" } : ok(entry, nowMs));

/** What each token does to a payment that has no outcome yet. Whatever is not here is declined. */
export const BEHAVIOURS = {
  tok_ok: ok,
  tok_decline: decline("insufficient_funds"),
  /** Is worked on for PAYMENT_SIMULATOR_SLOW_MS, then captured. */
  tok_slow: (entry) => ({ entry: { ...entry, status: "PENDING" }, answer: "slowly" }),
  /** Waits for its owner's confirmation, which never comes. */
  tok_unconfirmed: (entry) => ({ entry: { ...entry, status: "PENDING" }, answer: "now" }),
  /** Captured at once, but its caller never hears; the webhook comes later. */
  tok_timeout_charged: (entry, nowMs) => ({ entry: announce(capture(entry), 1, nowMs), answer: "never" }),
  /** The first charge gets lost on its way; the next one works. */
  tok_timeout_lost: lost,
  /** As if lost, but PAYMENT_SIMULATOR_LATE_MS after its void a capture appears all the same. No provider should do that. */
  tok_late_capture: lost,
  /** Two errors of the server, without an effect, then it works. */
  tok_error: failing("ERROR", ERRORS),
  tok_duplicate_webhook: (entry, nowMs) => ({ entry: announce(capture(entry), 2, nowMs), answer: "now" }),
  /** Half of it, one unit more, or all of it in another currency. */
  tok_captures_less: capturing(({ amount, currency }) => ({ captured: Math.floor(amount / 2), currency })),
  tok_captures_more: capturing(({ amount, currency }) => ({ captured: amount + 1, currency })),
  tok_captures_dollars: capturing(({ amount }) => ({ captured: amount, currency: "USD" })),
  /** The charge itself is not taken: the provider's own word, with a 4xx. */
  tok_refused: failing("UNSUPPORTED_CARD", Number.POSITIVE_INFINITY),
  /** Answers of 401 (our key), 409 (another call is in progress) and 429 (with Retry-After: 1), each once, then it works. */
  tok_unauthorized: failing("UNAUTHORIZED", 1),
  tok_conflict: failing("CONFLICT", 1),
  tok_too_many: failing("TOO_MANY", 1),
} as const satisfies Record<string, Behaviour>;

const unknownToken = decline("unknown_token");

/** A charge of a key that has no outcome yet. `entry` has the charge's terms and counts this call. */
export function charge(entry: Entry, nowMs: number): Charged {
  const behaviour: Behaviour = Object.hasOwn(BEHAVIOURS, entry.token)
    ? BEHAVIOURS[entry.token as keyof typeof BEHAVIOURS]
    : unknownToken;
  return behaviour(entry, nowMs);
}

/** A void: nothing is captured from now on, unless it was already. */
export function voided(entry: Entry, nowMs: number, lateMs: number): Entry {
  if (entry.status !== "NONE" && entry.status !== "PENDING") return entry;
  const late = entry.token === "tok_late_capture" && entry.calls > 0;
  return { ...entry, status: "VOIDED", reason: "voided", lateAt: late ? nowMs + lateMs : null };
}
