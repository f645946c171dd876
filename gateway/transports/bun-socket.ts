import type { ServerWebSocket, WebSocketHandler } from "bun";
import type { SendResult, Socket, SocketRoute, TransportOptions } from "./transport.ts";

/** Wraps Bun's socket. It is Bun's `data`: made at the upgrade, and connected to Bun's socket when that opens. */
export class BunSocket<Data> implements Socket<Data> {
  native: ServerWebSocket<BunSocket<Data>> | undefined;

  constructor(readonly data: Data) {}

  get remoteAddress(): string {
    return this.native?.remoteAddress ?? "";
  }

  send(text: string): SendResult {
    return this.native?.sendText(text) ?? 0;
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
    this.native?.close(code, reason);
  }

  terminate(): void {
    this.native?.terminate();
  }
}

// RFC 6455 7.4.1: an unexpected condition kept the server from going on.
const INTERNAL_ERROR = 1011;

/** A handler of the route failed: the route may report it, and this one socket ends. */
function fail<Data>(route: SocketRoute<Data>, socket: BunSocket<Data>, error: unknown): void {
  route.failed?.(socket, error);
  socket.close(INTERNAL_ERROR, "Internal error");
}

/** Bun's WebSocket options for one route. */
export function websocketHandler<Data>(
  route: NonNullable<TransportOptions<Data>["socket"]>,
): WebSocketHandler<BunSocket<Data>> {
  return {
    maxPayloadLength: route.maxMessageBytes,
    backpressureLimit: route.maxBufferedBytes,
    // The room decides how to treat a slow client; a broadcast may be lost, a personal message may not.
    closeOnBackpressureLimit: false,
    idleTimeout: Math.min(route.idleTimeoutS, 960),
    sendPings: true,
    // Messages are a few hundred bytes; a compressor per socket would cost more memory than everything else of it.
    perMessageDeflate: false,
    open(native) {
      native.data.native = native;
      route.open(native.data);
    },
    message(native, message) {
      const socket = native.data;
      const pending = route.message(socket, message);
      // Bun turns a rejection here into an unhandled one, which ends the process.
      if (pending !== undefined) pending.catch((error) => fail(route, socket, error));
    },
    drain(native) {
      route.drain?.(native.data);
    },
    close(native, code, reason) {
      const socket = native.data;
      route.closed(socket, code, reason);
      socket.native = undefined;
    },
    error(error, native) {
      fail(route, native.data, error);
    },
  };
}
