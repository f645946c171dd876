/**
 * HTTP and WebSocket as the gateway sees them. Adapters: bun.ts (Bun.serve), and uws.ts (uWebSockets.js) on Node. Both pass
 * test/contracts/transport.contract.ts. Nothing above this file knows the runtime.
 *
 * Both µWebSockets adapters close a connection on which a request arrives while an asynchronous handler still works on the
 * one before (HTTP pipelining, which no browser or proxy does): load generators must not pipeline claims.
 */

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query without `?`, undecoded; empty if there is none. */
  readonly query: string;
  /** `:name` segments of the route, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  /**
   * A header by its lower-case name. Call it before the handler's first await (a uWebSockets.js rule). For a repeated header it
   * returns the first value, or all values joined by a comma; for a header without a value undefined or "". For `authorization`,
   * `idempotency-key`, `x-forwarded-for` and `forwarded` it always returns all values, or "", because these must not be ignored.
   */
  header(name: string): string | undefined;
  /** The whole body. @throws StampedeError BODY_TOO_LARGE beyond the transport's limit, OVERLOADED beyond that of all bodies */
  body(): Promise<Uint8Array>;
  /** Whether `error`, which `body` rejected with, only says that the client disconnected: nobody reads an answer. */
  hungUp(error: unknown): boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly body?: string | Uint8Array;
  /** Lower-case names. `content-length`, `date` and `x-content-type-options` are the transport's. A frozen record is prepared once and reused. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Synchronous where possible: a refusal from memory must not pay for a promise. */
export type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface Route {
  readonly method: Method;
  /** `/coupons/:couponId/issue`; a literal segment wins over a parameter. */
  readonly path: string;
  readonly handler: Handler;
}

/** −1: queued for a slow client; 0: dropped (the socket is gone or its buffer is full); otherwise the bytes sent. */
export type SendResult = number;

export interface Socket<Data> {
  /** The connection's own state, made by `upgrade`. */
  readonly data: Data;
  readonly remoteAddress: string;
  send(text: string): SendResult;
  /** Bytes accepted by `send` and not yet taken by the peer. */
  bufferedAmount(): number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Sends the close frame; `closed` follows. */
  close(code: number, reason: string): void;
  /** Cuts the connection without a close frame (a client that stopped reading would not read the frame). */
  terminate(): void;
}

export interface SocketRoute<Data> {
  readonly path: string;
  /** Accepts (the connection's data) or refuses (a response). Synchronous: headers are gone after an await. */
  upgrade(request: HttpRequest): { readonly accept: Data } | { readonly refuse: HttpResponse };
  open(socket: Socket<Data>): void;
  /** `binary` messages arrive as bytes. An async handler runs concurrently with the next message's. */
  message(socket: Socket<Data>, message: string | Uint8Array): void | Promise<void>;
  /** The peer has taken what was queued. */
  drain?(socket: Socket<Data>): void;
  closed(socket: Socket<Data>, code: number, reason: string): void;
  /** One of the handlers above threw or rejected; the transport closes the socket with 1011. */
  failed?(socket: Socket<Data>, error: unknown): void;
}

/** The bytes that all arriving bodies take. */
export interface BodyBytes {
  /** @throws StampedeError OVERLOADED; then nothing is taken */
  take(bytes: number): void;
  give(bytes: number): void;
}

/** The connections of the process, and what becomes of them near their limit. */
export interface ConnectionLimit {
  /** Answers end their connections. */
  readonly isBusy: boolean;
  /** Requests are refused with `refusal`, and their connections end. */
  readonly isFull: boolean;
  refusal(): HttpResponse;
  /** An answer ends its connection. */
  left(): void;
}

export interface TransportOptions<Data> {
  readonly host: string;
  /** 0: any free port; `listen` tells which. */
  readonly port: number;
  /** Several processes share the port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  readonly maxBodyBytes: number;
  readonly idleTimeoutS: number;
  readonly routes: readonly Route[];
  /** For paths and methods that no route has; `allowed` lists the methods the path does have, with HEAD and OPTIONS. */
  readonly notFound: (request: HttpRequest, allowed: readonly string[]) => HttpResponse;
  /** A handler threw or rejected. */
  readonly failed: (request: HttpRequest, error: unknown) => HttpResponse;
  /** The answer to a browser's preflight; undefined: the request is none. */
  readonly preflight?: (request: HttpRequest) => HttpResponse | undefined;
  /** Left out: bodies are limited one by one only. */
  readonly bodies?: BodyBytes;
  /** Left out: connections are not limited. */
  readonly connections?: ConnectionLimit;
  readonly socket?: SocketRoute<Data> & {
    readonly maxMessageBytes: number;
    /** Seconds without a frame before the transport closes the socket; it pings before. */
    readonly idleTimeoutS: number;
    /** Bytes one slow reader may keep queued before sends to it are dropped; broadcasts may go up to 64 KiB beyond. */
    readonly maxBufferedBytes: number;
  };
}

export interface Transport {
  readonly port: number;
  /** To every socket of this process that subscribed; returns how many there are. */
  publish(topic: string, text: string): number;
  /** Open HTTP requests whose handler has not answered. */
  inFlight(): number;
  /** Stops accepting connections, lets running requests finish for at most `graceMs`, then closes everything.
   *  The caller closes the sockets before (with CLOSE.RECONNECT). */
  stop(graceMs: number): Promise<void>;
}

export type Listen = <Data>(options: TransportOptions<Data>) => Promise<Transport>;
