import type { UserSocket } from "./connection.ts";

/** What one socket, user or address may use. Only the first four differ between installations. */
export interface SocketLimits {
  readonly authTimeoutS: number;
  readonly socketsPerUser: number;
  /** High by default: a carrier's NAT puts thousands of people behind one address. */
  readonly socketsPerAddress: number;
  /** Empty: any. A client without an Origin header is no browser, so nothing is forged through it. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Messages of one socket being worked on; Bun starts the next handler without waiting for the last. Default 16. */
  readonly inFlight?: number;
  /** Messages a second for long. Default 50. */
  readonly messagesPerS?: number;
  /** Messages at once. Default 100. */
  readonly messageBurst?: number;
  /** Sales one socket may follow. Default 100. */
  readonly subscriptions?: number;
}

/** Refused messages, beyond the allowed ones in between, after which a socket is abusive rather than unlucky. */
export const STRIKES = 100;

/**
 * One token bucket per connection in one number (GCRA: the time at which the bucket is full again).
 * `abuse`: it has kept on sending through so many refusals that nothing but closing helps.
 */
export function createMessageRate(perSecond: number, burst: number) {
  const interval = 1000 / perSecond;
  const window = interval * burst;
  return (connection: UserSocket, nowMs: number): "ok" | "refused" | "abuse" => {
    const next = Math.max(connection.rateFullAt, nowMs) + interval;
    if (next - nowMs <= window) {
      connection.rateFullAt = next;
      if (connection.strikes > 0) connection.strikes--;
      return "ok";
    }
    connection.strikes++;
    return connection.strikes >= STRIKES ? "abuse" : "refused";
  };
}
