import { StampedeError } from "../../../contracts/wire/errors.ts";
import type {
  HttpRequest,
  HttpResponse,
  Listen,
  Method,
  Route,
  Socket,
  Transport,
  TransportOptions,
} from "../../../gateway/transports/transport.ts";

export const MAX_BODY = 1000;
export const MAX_MESSAGE = 2000;
export const MAX_BUFFERED = 64 * 1024;

/** A JSON answer, the way the gateway's handlers make them. */
export const answer = (status: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

export const route = (method: Method, path: string, handler: Route["handler"]): Route => ({ method, path, handler });

/** What a request looks like from inside. */
export const describeRequest = (request: HttpRequest) => ({
  method: request.method,
  path: request.path,
  query: request.query,
  params: { ...request.params },
});

/** A transport for one test, with refusals that can be told apart. */
export function start<Data = undefined>(
  listen: Listen,
  routes: readonly Route[],
  options: Partial<TransportOptions<Data>> = {},
): Promise<Transport> {
  return listen<Data>({
    host: "127.0.0.1",
    port: 0,
    reusePort: false,
    maxBodyBytes: MAX_BODY,
    idleTimeoutS: 30,
    routes,
    notFound: (request, allowed) =>
      allowed.length === 0
        ? answer(404, { code: "ROUTE_NOT_FOUND", path: request.path })
        : answer(405, { code: "METHOD_NOT_ALLOWED" }, { allow: allowed.join(", ") }),
    failed: (_request, error) =>
      error instanceof StampedeError
        ? answer(error.code === "BODY_TOO_LARGE" ? 413 : 426, { code: error.code })
        : answer(500, { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) }),
    ...options,
  });
}

/** What the room under test has seen; handlers can be replaced by a test. */
export interface SeenByServer {
  readonly sockets: Socket<{ name: string }>[];
  readonly messages: (string | Uint8Array)[];
  readonly closed: { name: string; code: number; reason: string }[];
  readonly failures: unknown[];
  drained: number;
}

/** A transport with a socket route at /ws that records everything. `x-refuse` on the upgrade is refused with 401. */
export async function startRoom(
  listen: Listen,
  options: {
    onMessage?: (socket: Socket<{ name: string }>, message: string | Uint8Array) => void | Promise<void>;
    maxBufferedBytes?: number;
    idleTimeoutS?: number;
  } = {},
): Promise<{ transport: Transport; seen: SeenByServer; port: number }> {
  const seen: SeenByServer = { sockets: [], messages: [], closed: [], failures: [], drained: 0 };
  const transport = await start<{ name: string }>(listen, [route("GET", "/plain", () => answer(200, "plain"))], {
    socket: {
      path: "/ws",
      maxMessageBytes: MAX_MESSAGE,
      idleTimeoutS: options.idleTimeoutS ?? 30,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED,
      upgrade(request) {
        const reason = request.header("x-refuse");
        if (reason !== undefined) return { refuse: answer(401, { code: "TOKEN_INVALID", reason }) };
        return { accept: { name: request.header("x-name") ?? request.query } };
      },
      open: (socket) => void seen.sockets.push(socket),
      message(socket, message) {
        seen.messages.push(typeof message === "string" ? message : message.slice());
        return options.onMessage?.(socket, message);
      },
      drain: () => void seen.drained++,
      closed: (socket, code, reason) => void seen.closed.push({ name: socket.data.name, code, reason }),
      failed: (_socket, error) => void seen.failures.push(error),
    },
  });
  return { transport, seen, port: transport.port };
}

/** Waits for a condition. @throws Error naming it after `timeoutMs` */
export async function until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
