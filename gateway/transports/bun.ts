import type { Server } from "bun";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { BunHttpRequest, type NativeRequest } from "./bun-request.ts";
import { toResponse } from "./bun-response.ts";
import { BunSocket, websocketHandler } from "./bun-socket.ts";
import { allowedAt, groupByPath, type PathEntry } from "./paths.ts";
import type { Handler, HttpResponse, Listen, SocketRoute, TransportOptions } from "./transport.ts";

/**
 * Bun itself refuses a body beyond this many times the limit, with a bare 413. Up to that size our handlers refuse it with a
 * problem document. Nothing is buffered meanwhile: Bun stops reading from a connection while no handler reads the body.
 */
const NATIVE_BODY_FACTOR = 1024;

/** How long answers say `connection: close` before the listener closes: requests that arrive meanwhile are still answered. */
const FAREWELL_MS = 250;

const REPLACEMENT = "\ufffd";

type NativeHandler = (native: NativeRequest, server: Server<unknown>) => Response | Promise<Response> | undefined;

/**
 * HTTP and WebSocket over Bun.serve. Routing is Bun's own (`routes`): matching in `fetch` costs 0.3 to 0.5 µs more, because
 * it needs the URL. Measured on 2 shared cores, CPU µs a request, 64 connections, a constant 409 of 120 bytes with two
 * headers: bare Bun.serve 8.1–8.6, this adapter 8.4–8.7 (8.7–9.0 when the headers are not frozen), with an async handler
 * 8.8–9.3, reading a small body 10.8–11.7 (bare 10.6–11.3).
 *
 * Bun itself answers 431 to headers over 16 KiB or more than about 200 lines, 400 to malformed requests, and 505 to an
 * unknown protocol.
 */
export const listenBun: Listen = async (options) => {
  const { socket } = options;
  const paths = groupByPath(options.routes);
  const answering = new Answering(options, paths);
  const sockets = socket === undefined ? undefined : ([socket.path, answering.upgradeTo(socket)] as const);
  const server = serve(options, nativeRoutes(paths, answering, sockets), answering.unmatched);
  return {
    port: server.port!,
    publish(topic, text) {
      server.publish(topic, text, false);
      return server.subscriberCount(topic);
    },
    inFlight: () => answering.running,
    stop(graceMs) {
      answering.closing = true;
      return stopServer(server, graceMs);
    },
  };
};

/** Runs handlers for Bun's requests, and turns what they return or throw into Bun's responses. */
class Answering<Data> {
  /** Open requests whose handler has not answered. */
  running = 0;
  /** Every answer ends its connection. */
  closing = false;
  readonly #options: TransportOptions<Data>;
  readonly #paths: readonly PathEntry[];

  constructor(options: TransportOptions<Data>, paths: readonly PathEntry[]) {
    this.#options = options;
    this.#paths = paths;
  }

  run(handler: Handler, paramNames: readonly string[]): NativeHandler {
    const { maxBodyBytes, bodies, connections, notFound, failed } = this.#options;
    return (native, server) => {
      if (connections?.isFull) return this.#answer(connections.refusal());
      const request = new BunHttpRequest(native, server, maxBodyBytes, bodies);
      try {
        // Bun decodes malformed percent-encoding to U+FFFD, which none of our names can hold.
        for (const name of paramNames) {
          if (native.params![name]!.includes(REPLACEMENT)) return this.#answer(notFound(request, []));
        }
        const result = handler(request);
        return result instanceof Promise ? this.#settle(request, result) : this.#answer(result);
      } catch (error) {
        return this.#answer(failed(request, error));
      }
    };
  }

  upgradeTo(route: Pick<SocketRoute<Data>, "upgrade">): NativeHandler {
    const { maxBodyBytes, bodies, connections, failed } = this.#options;
    return (native, server) => {
      if (connections?.isFull) return this.#answer(connections.refusal());
      const request = new BunHttpRequest(native, server, maxBodyBytes, bodies);
      try {
        if (request.header("upgrade")?.toLowerCase() !== "websocket") {
          throw new StampedeError("UPGRADE_REQUIRED", undefined, { extra: { upgrade: "websocket" } });
        }
        const decision = route.upgrade(request);
        if ("refuse" in decision) return this.#answer(decision.refuse);
        if (server.upgrade(native, { data: new BunSocket(decision.accept) })) return undefined;
        throw new StampedeError("UPGRADE_REQUIRED", "The WebSocket handshake is not valid");
      } catch (error) {
        return this.#answer(failed(request, error));
      }
    };
  }

  /** No route has this path and method. */
  readonly unmatched: NativeHandler = (native, server) => {
    const { maxBodyBytes, bodies, connections, failed } = this.#options;
    if (connections?.isFull) return this.#answer(connections.refusal());
    const request = new BunHttpRequest(native, server, maxBodyBytes, bodies);
    try {
      return this.#answer(this.#options.preflight?.(request) ?? this.#noRoute(request));
    } catch (error) {
      return this.#answer(failed(request, error));
    }
  };

  #noRoute(request: BunHttpRequest): HttpResponse {
    const { method, path } = request;
    const allowed = allowedAt(this.#paths, this.#options.socket?.path, path);
    if (method === "OPTIONS" && allowed.length > 0) return { status: 204, headers: { allow: allowed.join(", ") } };
    // This path is normalized (`/a/../b`), the router's was not. If the path has this method, the router was right.
    return this.#options.notFound(request, allowed.includes(method) ? [] : allowed);
  }

  async #settle(request: BunHttpRequest, pending: Promise<HttpResponse>): Promise<Response> {
    this.running++;
    try {
      return this.#answer(await pending);
    } catch (error) {
      if (request.hungUp(error)) return this.#answer({ status: 400 }); // no client reads it
      return this.#answer(this.#options.failed(request, error));
    } finally {
      this.running--;
    }
  }

  #answer(response: HttpResponse): Response {
    const { connections } = this.#options;
    const ends = this.closing || connections?.isBusy === true;
    if (ends) connections?.left();
    return toResponse(response, ends);
  }
}

/**
 * Bun's stop closes every connection that is idle at that moment, and resets those whose next request is already on its way. So busy
 * clients are first told to close (measured: without it 64 of 64 busy connections were reset, with it none).
 */
async function stopServer(server: Server<unknown>, graceMs: number): Promise<void> {
  const started = performance.now();
  await Bun.sleep(Math.min(FAREWELL_MS, graceMs / 4));
  const left = Math.max(0, graceMs - (performance.now() - started));
  const finished = await Promise.race([server.stop(false).then(() => true), Bun.sleep(left).then(() => false)]);
  if (!finished) await server.stop(true);
}

function nativeRoutes(
  paths: readonly PathEntry[],
  answering: Pick<Answering<unknown>, "run">,
  upgrade: readonly [path: string, handler: NativeHandler] | undefined,
): Record<string, Record<string, NativeHandler>> {
  const table: Record<string, Record<string, NativeHandler>> = {};
  for (const { path, paramNames, handlers } of paths) {
    const methods: Record<string, NativeHandler> = {};
    for (const [method, handler] of handlers) methods[method] = answering.run(handler, paramNames);
    if (methods.GET !== undefined) methods.HEAD = methods.GET; // Bun leaves the body out
    table[path] = methods;
  }
  if (upgrade !== undefined) table[upgrade[0]] = { GET: upgrade[1] };
  return table;
}

function serve<Data>(
  options: TransportOptions<Data>,
  routes: Record<string, Record<string, NativeHandler>>,
  unmatched: NativeHandler,
): Server<unknown> {
  const { host, port, reusePort, maxBodyBytes, idleTimeoutS, socket } = options;
  const common = {
    hostname: host,
    port,
    reusePort,
    development: false as const,
    id: null, // no hot reload: a restarted module must not inherit our connections
    maxRequestBodySize: maxBodyBytes * NATIVE_BODY_FACTOR,
    idleTimeout: idleTimeoutS, // up to 255: Bun refuses to listen with more
    routes,
    fetch: unmatched,
    // Only if `failed` itself fails; Bun's own page would show the stack.
    error: () => toResponse({ status: 500 }, false),
  };
  return socket === undefined
    ? (Bun.serve(common as never) as Server<unknown>)
    : (Bun.serve({ ...common, websocket: websocketHandler(socket) } as never) as Server<unknown>);
}
