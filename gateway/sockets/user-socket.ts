import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { Identity } from "../auth/identity.ts";
import type { Socket } from "../transports/transport.ts";
import type { SendBuffers } from "./send-buffers.ts";

/** A `resume` that has not been answered yet. */
export interface PendingResume {
  /** The position to continue at; null: at the beginning of the inbox. */
  from: string | null;
  /** Messages sent since it was asked for. */
  sent: number;
  /** The messages that this socket got before its `resume`, which came after the grace time; they are not sent again. */
  readonly early: { readonly after: string; readonly upTo: string } | null;
}

/**
 * One socket's state. There may be tens of thousands, so it holds no timer and no closure. Members that only a busy socket
 * needs are null until then. Times are those of `performance.now()`, except `expiresAt`.
 */
export class UserSocket {
  /** null before authentication. */
  userId: UserId | null = null;
  /** When its user was known. Messages written to the inbox from then on belong to the socket. */
  identifiedAt = 0;
  /** The `jti` of its token. */
  tokenId: string | null = null;
  /** While its token is being verified; messages wait until then. */
  verifying: Promise<void> | null = null;
  /** Messages that wait for it. */
  waiting = 0;
  /** Milliseconds since 1970. */
  expiresAt = Number.POSITIVE_INFINITY;
  isOpen = false;
  /** Redis has its route. */
  isRouted = false;
  /** The route must be written (again) before the inbox is read. */
  mustRoute = true;
  /** When the route was last written or kept alive. */
  routedAt = 0;
  /** Asynchronous messages in progress. */
  inFlight = 0;
  rateFullAt = 0;
  strikes = 0;
  /** It has sent something else before `auth`; the next one ends it. */
  isWarned = false;
  /** The inbox's position up to which this socket has been sent everything, and nothing beyond. null before the welcome. */
  position: string | null = null;
  /**
   * The inbox may hold more than was sent. Pushes are then neither sent nor kept: they are in the inbox, and the next reading
   * delivers them in their order.
   */
  isBehind = false;
  /** Oldest first. Each stays until it is answered, however often Redis or PostgreSQL fail meanwhile. */
  resumes: PendingResume[] | null = null;
  /** The position of the welcome, until the client's first message. */
  welcomedAt: string | null = null;
  /** The client has sent something other than `auth`. */
  hasSpoken = false;
  /** Until then a new socket gets no new messages, unless its first message is not a `resume`. */
  graceUntil = 0;
  /** Readings of the inbox run one after the other. */
  reading: Promise<void> | null = null;
  /** Sales it follows. */
  sales: Set<string> | null = null;
  /** Those of them that it subscribed to: it gets their `sale.changed`. */
  watched: Set<CouponId> | null = null;

  constructor(
    /** Never used twice in this process. */
    readonly number: number,
    readonly address: string,
    readonly openedAt: number,
    /** From the upgrade's token, until the socket is open. */
    public identity: Identity | Promise<Identity> | null,
    /** Told what a slow client makes the gateway keep. */
    readonly buffers: Pick<SendBuffers, "mayQueue"> | null = null,
  ) {}

  /** Its first token was accepted. */
  identify(identity: Identity): void {
    this.userId = identity.userId;
    this.identifiedAt = performance.now();
    this.renew(identity);
  }

  /** A first or a later token: the socket ends with the token that came last. */
  renew({ expiresAt, tokenId }: Identity): void {
    this.expiresAt = expiresAt;
    this.tokenId = tokenId;
  }
}

export type ClientSocket = Socket<UserSocket>;
