import type { UserSocket } from "./user-socket.ts";

/** The limits of one socket, user or address. Only the first four differ between installations. */
export interface SocketLimits {
  readonly authTimeoutS: number;
  readonly socketsPerUser: number;
  /** High by default: a carrier's NAT puts thousands of people behind one address. */
  readonly socketsPerAddress: number;
  /** Empty: any. A client without an Origin header is no browser, so cross-site requests are impossible. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Sockets of the whole gateway. Default: any number. */
  readonly sockets?: number;
  /** Bytes that all sockets together may have queued for slow clients. Default 64 MiB. */
  readonly bufferedBytes?: number;
  /** Messages of one socket in progress; Bun starts the next handler without waiting for the previous one. Default 16. */
  readonly inFlight?: number;
  /** Messages per second, averaged. Default 50. */
  readonly messagesPerS?: number;
  /** Size of a burst of messages. Default 100. */
  readonly messageBurst?: number;
  /** Sales one socket may follow. Default 100. */
  readonly subscriptions?: number;
}

/** Refused messages (minus allowed ones in between) after which the socket is closed. */
export const STRIKES = 100;

/**
 * One token bucket per connection in one number (GCRA: the time at which the bucket is full again).
 * `abuse`: the client continues to send after many refusals, so the socket is closed.
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
