import type { UserId } from "../../contracts/wire/ids.ts";
import type { Identity } from "../auth/hs256.ts";
import type { Socket } from "../transports/transport.ts";

/** A `resume` that has not been answered yet. */
export interface PendingResume {
  /** Where to go on; null: at the beginning of the inbox. */
  from: string | null;
  /** Messages sent since it was asked for. */
  sent: number;
  /** What this socket got before it asked, because it took longer than the grace; it is not sent again. */
  readonly early: { readonly after: string; readonly upTo: string } | null;
}

/**
 * One socket's state. There may be tens of thousands, so it holds no timer, no closure, and nothing that an idle socket
 * does not need; what only a busy one needs is null until then. Moments are those of `performance.now()`, but for `expiresAt`.
 */
export class UserSocket {
  /** null before authentication. */
  userId: UserId | null = null;
  /** When it was known whose it is. What is written to the inbox from then on is the socket's. */
  identifiedAt = 0;
  /** Milliseconds since 1970. */
  expiresAt = Number.POSITIVE_INFINITY;
  isOpen = false;
  /** Its route stands in Redis. */
  isRouted = false;
  /** The route must be written (again) before the inbox is read. */
  mustRoute = true;
  /** When the route was last written or kept alive. */
  routedAt = 0;
  /** Asynchronous messages being worked on. */
  inFlight = 0;
  rateFullAt = 0;
  strikes = 0;
  /** The inbox's position up to which this socket has been sent everything, and nothing beyond. null before the welcome. */
  position: string | null = null;
  /**
   * The inbox may hold more than what was sent. Pushes are not sent then, not even kept: they stand in the inbox, and the
   * next reading brings them in their place.
   */
  isBehind = false;
  /** Oldest first. Each stays until it was answered, however often Redis or PostgreSQL fail meanwhile. */
  resumes: PendingResume[] | null = null;
  /** The position of the welcome, until the client has spoken. */
  welcomedAt: string | null = null;
  /** The client has sent something other than `auth`. */
  hasSpoken = false;
  /** Until then a fresh socket gets nothing new, unless its first message says that it won't resume. */
  graceUntil = 0;
  /** Readings of the inbox run one after the other. */
  reading: Promise<void> | null = null;
  /** Sales it follows. */
  sales: Set<string> | null = null;

  constructor(
    /** Never used twice in this process. */
    readonly number: number,
    readonly address: string,
    readonly openedAt: number,
    /** Of the token that came with the upgrade, until the socket is open. */
    public identity: Identity | null,
  ) {}
}

export type ClientSocket = Socket<UserSocket>;
