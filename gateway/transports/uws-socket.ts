import type { WebSocket, WebSocketBehavior } from "uWebSockets.js";
import type { SendResult, Socket, SocketRoute, TransportOptions } from "./transport.ts";

/** The user data that the addon keeps with each WebSocket. */
export interface UserData<Data> {
  readonly socket: UwsSocket<Data>;
}

/** The results of uWebSockets.js's `send`. */
const QUEUED = 0;
const DROPPED = 2;

/** Wraps the addon's socket, which throws when it is used after its end. */
export class UwsSocket<Data> implements Socket<Data> {
  native: WebSocket<UserData<Data>> | undefined;

  constructor(
    readonly data: Data,
    readonly remoteAddress: string,
    private readonly maxBufferedBytes: number,
  ) {}

  send(text: string): SendResult {
    const { native } = this;
    if (native === undefined || native.getBufferedAmount() > this.maxBufferedBytes) return 0;
    const result = native.send(text);
    return result === QUEUED ? -1 : result === DROPPED ? 0 : Buffer.byteLength(text);
  }

  bufferedAmount(): number {
    return this.native?.getBufferedAmount() ?? 0;
  }

  subscribe(topic: string): void {
    this.native?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.native?.unsubscribe(topic);
  }

  close(code: number, reason: string): void {
    this.native?.end(code, reason);
  }

  terminate(): void {
    this.native?.close();
  }
}

// RFC 6455 7.4.1: an unexpected condition kept the server from going on; a message is too big.
const INTERNAL_ERROR = 1011;
const TOO_BIG = 1009;

/**
 * uWebSockets.js cuts a socket whose message exceeds its limit, without a close code. Our limit is checked here, so that the client
 * gets the code. Only a message of this many times the limit is cut while it arrives.
 */
const NATIVE_MESSAGE_FACTOR = 4;

/**
 * Bytes that the addon may queue beyond the limit of `send`. At its limit the addon would drop the close frame too, and a slow
 * client would not learn why it was closed. Larger than every message. Broadcasts may use it, because the addon sends them.
 */
const CLOSE_FRAME_HEADROOM = 65_536;

/** uWebSockets.js accepts 0 or 8 to 960 seconds, and ends the process otherwise. */
const idleTimeout = (seconds: number) => Math.min(Math.max(Math.ceil(seconds), 8), 960);

/** A handler of the route failed: the route may report it, and this one socket ends. */
function fail<Data>(route: SocketRoute<Data>, socket: UwsSocket<Data>, error: unknown): void {
  route.failed?.(socket, error);
  socket.close(INTERNAL_ERROR, "Internal error");
}

/** The addon's behavior for one route, without the upgrade. */
export function socketBehavior<Data>(
  route: NonNullable<TransportOptions<Data>["socket"]>,
): WebSocketBehavior<UserData<Data>> {
  const guarded = (socket: UwsSocket<Data>, handle: () => unknown) => {
    try {
      handle();
    } catch (error) {
      fail(route, socket, error);
    }
  };
  return {
    maxPayloadLength: route.maxMessageBytes * NATIVE_MESSAGE_FACTOR,
    maxBackpressure: route.maxBufferedBytes + CLOSE_FRAME_HEADROOM,
    // The room decides how to treat a slow client; a broadcast may be lost, a personal message may not.
    closeOnBackpressureLimit: false,
    idleTimeout: idleTimeout(route.idleTimeoutS),
    sendPingsAutomatically: true,
    compression: 0, // as on Bun: a compressor per socket would cost more memory than everything else of it
    open(native) {
      const { socket } = native.getUserData();
      socket.native = native;
      guarded(socket, () => route.open(socket));
    },
    message(native, message, isBinary) {
      const { socket } = native.getUserData();
      if (message.byteLength > route.maxMessageBytes) {
        socket.close(TOO_BIG, "Message too big");
        return;
      }
      // The memory belongs to the addon and is valid in this turn only.
      const copy = isBinary ? new Uint8Array(message.slice(0)) : Buffer.from(message).toString();
      guarded(socket, () => {
        const pending = route.message(socket, copy);
        if (pending !== undefined) pending.catch((error) => fail(route, socket, error));
      });
    },
    drain(native) {
      const { socket } = native.getUserData();
      guarded(socket, () => route.drain?.(socket));
    },
    close(native, code, reason) {
      const { socket } = native.getUserData();
      socket.native = undefined; // it may not be used in here either
      guarded(socket, () => route.closed(socket, code, Buffer.from(reason).toString()));
    },
  };
}
