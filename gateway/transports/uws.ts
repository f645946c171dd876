import type {
  HttpRequest as NativeRequest,
  HttpResponse as NativeResponse,
  TemplatedApp,
  us_socket_context_t,
} from "uWebSockets.js";
import { setTimeout as sleep } from "node:timers/promises";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { allowedAt, groupByPath, type PathEntry } from "./paths.ts";
import type { Handler, HttpResponse, Listen, TransportOptions } from "./transport.ts";
import { listenOn, loadAddon } from "./uws-addon.ts";
import { createAnswers, type UwsAnswers } from "./uws-answers.ts";
import { type Body, type BodyRules, cutSilentBodies } from "./uws-body.ts";
import { UwsHttpRequest } from "./uws-request.ts";
import { socketBehavior, UwsSocket } from "./uws-socket.ts";

/** How long answers say `connection: close` before the listener closes: requests that arrive meanwhile are still answered. */
const FAREWELL_MS = 250;
/** How often a shutdown checks whether the last running request has been answered. */
const DRAIN_POLL_MS = 10;

type NativeHandler = (response: NativeResponse, native: NativeRequest) => void;
type NativeUpgrade = (response: NativeResponse, native: NativeRequest, context: us_socket_context_t) => void;

/**
 * HTTP and WebSocket over uWebSockets.js. Routing is the addon's own. Measured beside bun.ts in one run on 2 shared cores, CPU µs
 * a request, 64 connections, Node 20, a constant 409 of 140 bytes: 8.1–8.2 (bun.ts 10.0–10.3), headers not frozen 8.0–8.7
 * (9.4–10.2), an async handler 8.8 (8.9–9.4), reading a small body 10.6–11.2 (12.7).
 *
 * uWebSockets.js itself closes connections that were idle for ten seconds, whatever the configuration says; answers 431 to
 * heads over 16 KiB, 400 to malformed requests (no answer at all, but the idle timeout, to a line that is not HTTP, to chunk
 * extensions and to a chunk's length that is no number) and 505 to HTTP/1.0 and to targets that don't begin with a slash: a proxy in front must speak HTTP/1.1.
 */
export const listenUws: Listen = async (options) => {
  const { socket } = options;
  const paths = groupByPath(options.routes);
  const addon = await loadAddon();
  const app = addon.App();
  const bodies: BodyRules = { maxBytes: options.maxBodyBytes, incomplete: new Set<Body>(), bytes: options.bodies };
  const answering = new Answering(options, paths, bodies);
  addRoutes(app, paths, answering);
  if (socket !== undefined) addSocketRoute(app, socket, answering);
  app.any("/*", answering.unmatched);

  const listener = await listenOn(addon, app, options);
  const silence = cutSilentBodies(bodies.incomplete, options.idleTimeoutS);
  return {
    port: addon.us_socket_local_port(listener as never),
    publish(topic, text) {
      app.publish(topic, text);
      return app.numSubscribers(topic);
    },
    inFlight: () => answering.running,
    async stop(graceMs) {
      const deadline = performance.now() + graceMs;
      // The addon has no graceful stop: it does not distinguish idle connections from those about to send. So busy clients are
      // first told to close.
      answering.closing = true;
      await sleep(Math.min(FAREWELL_MS, graceMs / 4));
      addon.us_listen_socket_close(listener);
      while (answering.running > 0 && performance.now() < deadline) await sleep(DRAIN_POLL_MS);
      clearInterval(silence);
      app.close();
    },
  };
};

/** Runs handlers for the addon's requests, and writes what they return or throw. */
class Answering<Data> {
  /** Open requests whose handler has not answered. */
  running = 0;
  /** Every answer ends its connection. */
  closing = false;
  readonly #options: TransportOptions<Data>;
  readonly #paths: readonly PathEntry[];
  readonly #bodies: BodyRules;
  readonly #answers: UwsAnswers;

  constructor(options: TransportOptions<Data>, paths: readonly PathEntry[], bodies: BodyRules) {
    this.#options = options;
    this.#paths = paths;
    this.#bodies = bodies;
    this.#answers = createAnswers(options.failed, () => this.#ends());
  }

  run(method: string, handler: Handler, paramNames: readonly string[]): NativeHandler {
    const { notFound, connections } = this.#options;
    const { answerNow, refuse, isMisframed } = this.#answers;
    const bodies = this.#bodies;
    return (response, native) => {
      const request = new UwsHttpRequest(method, native, response, bodies);
      if (isMisframed(request, method !== "HEAD")) return;
      if (connections?.isFull) return answerNow(request, connections.refusal());
      try {
        if (paramNames.length > 0 && !request.decodeParams(paramNames))
          return answerNow(request, notFound(request, []));
        const result = handler(request);
        if (!(result instanceof Promise)) return answerNow(request, result);
        request.detach();
        this.#settle(request, result);
      } catch (error) {
        refuse(request, error);
      }
    };
  }

  /** No route has this path and method. */
  readonly unmatched: NativeHandler = (response, native) => {
    const { preflight, connections } = this.#options;
    const { answerNow, refuse, isMisframed } = this.#answers;
    const request = new UwsHttpRequest(native.getCaseSensitiveMethod(), native, response, this.#bodies);
    if (isMisframed(request, request.method !== "HEAD" && request.method !== "OPTIONS")) return;
    if (connections?.isFull) return answerNow(request, connections.refusal());
    try {
      answerNow(request, preflight?.(request) ?? this.#noRoute(request));
    } catch (error) {
      refuse(request, error);
    }
  };

  upgradeTo(route: NonNullable<TransportOptions<Data>["socket"]>): NativeUpgrade {
    const { connections } = this.#options;
    const { answerNow, refuse, isMisframed } = this.#answers;
    return (response, native, context) => {
      const request = new UwsHttpRequest("GET", native, response, this.#bodies);
      if (isMisframed(request, false)) return;
      if (connections?.isFull) return answerNow(request, connections.refusal());
      try {
        if (request.header("upgrade")?.toLowerCase() !== "websocket") {
          throw new StampedeError("UPGRADE_REQUIRED", undefined, { extra: { upgrade: "websocket" } });
        }
        const decision = route.upgrade(request);
        if ("refuse" in decision) return answerNow(request, decision.refuse);
        response.upgrade(
          { socket: new UwsSocket(decision.accept, request.remoteAddress, route.maxBufferedBytes) },
          native.getHeader("sec-websocket-key"),
          native.getHeader("sec-websocket-protocol"),
          native.getHeader("sec-websocket-extensions"),
          context,
        );
      } catch (error) {
        refuse(request, error);
      }
    };
  }

  #noRoute(request: UwsHttpRequest): HttpResponse {
    const { method, path } = request;
    const allowed = allowedAt(this.#paths, this.#options.socket?.path, path);
    if (method === "OPTIONS" && allowed.length > 0) return { status: 204, headers: { allow: allowed.join(", ") } };
    return this.#options.notFound(request, allowed);
  }

  async #settle(request: UwsHttpRequest, pending: Promise<HttpResponse>): Promise<void> {
    const { answerLater } = this.#answers;
    this.running++;
    try {
      answerLater(request, await pending);
    } catch (error) {
      if (request.hungUp(error)) return;
      try {
        answerLater(request, this.#options.failed(request, error));
      } catch {
        answerLater(request, { status: 500 });
      }
    } finally {
      this.running--;
    }
  }

  /** Whether an answer ends its connection. */
  #ends(): boolean {
    const { connections } = this.#options;
    const isEnd = this.closing || connections?.isBusy === true;
    if (isEnd) connections?.left();
    return isEnd;
  }
}

function addRoutes(app: TemplatedApp, paths: readonly PathEntry[], answering: Pick<Answering<unknown>, "run">): void {
  for (const { path, paramNames, handlers } of paths) {
    for (const [method, handler] of handlers) app[REGISTER[method]](path, answering.run(method, handler, paramNames));
    const get = handlers.get("GET");
    if (get !== undefined) app.head(path, answering.run("HEAD", get, paramNames));
  }
}

function addSocketRoute<Data>(
  app: TemplatedApp,
  route: NonNullable<TransportOptions<Data>["socket"]>,
  answering: Answering<Data>,
): void {
  app.ws(route.path, { ...socketBehavior(route), upgrade: answering.upgradeTo(route) });
  // The addon treats a request with a key of 24 characters as a handshake, and leaves others to the other routes.
  app.get(
    route.path,
    answering.run("GET", () => {
      throw new StampedeError("UPGRADE_REQUIRED", undefined, { extra: { upgrade: "websocket" } });
    }, []),
  );
}

const REGISTER = { GET: "get", POST: "post", PUT: "put", PATCH: "patch", DELETE: "del" } as const;
