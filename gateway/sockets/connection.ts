import type { UserId } from "../../contracts/ids.ts";
import type { InboxMessage } from "../../lua/inbox.ts";
import type { Identity } from "../auth/hs256.ts";
import type { Socket } from "../transports/transport.ts";
import type { Position } from "./position.ts";

/**
 * One socket's state. There may be tens of thousands, so it holds no timer, no closure, and nothing that an idle socket
 * does not need; what only a busy one needs is null until then.
 */
export class Connection {
  /** null before authentication. */
  userId: UserId | null = null;
  /** Milliseconds since 1970. */
  expiresAt = Number.POSITIVE_INFINITY;
  isOpen = false;
  /** Its route stands in Redis. */
  isRouted = false;
  /** When the route was last written or kept alive, milliseconds. */
  routedAt = 0;
  /** Asynchronous messages being worked on. */
  inFlight = 0;
  rateFullAt = 0;
  strikes = 0;
  /** null before the welcome. */
  position: Position | null = null;
  /** Pushes kept back: something older is still being read, or the client may be about to `resume`. */
  held: InboxMessage[] | null = null;
  /** The client has sent something other than `auth`. */
  hasSpoken = false;
  /** Until then a fresh socket's pushes are kept back, unless its first message says that it won't resume. Milliseconds. */
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

export type ClientSocket = Socket<Connection>;
