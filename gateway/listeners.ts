import type { Logger } from "pino";
import { StampedeError } from "../contracts/wire/errors.ts";
import type { GatewayLimits } from "./admission/compose.ts";
import type { GatewayConfig } from "./config.ts";
import { documentEndpoints } from "./docs/documents.ts";
import { Cors } from "./http/cors.ts";
import type { Audience } from "./http/declaration.ts";
import type { Door } from "./http/door.ts";
import type { Endpoint } from "./http/endpoint.ts";
import type { LogError } from "./http/error-log.ts";
import { problem, problemOf } from "./http/problem.ts";
import type { SocketRoom } from "./sockets/room.ts";
import type { HttpRequest, HttpResponse, Listen, Route, Transport } from "./transports/transport.ts";

export interface ListenerParts {
  readonly config: GatewayConfig;
  readonly listen: Listen;
  readonly endpoints: readonly Endpoint[];
  readonly door: Door;
  readonly room: SocketRoom;
  readonly limits: Pick<GatewayLimits, "bodies" | "connections">;
  readonly log: Logger;
  readonly onError: LogError;
}

export interface Listeners {
  readonly ports: Readonly<Record<Audience, number>>;
  /** To every socket of this process that follows the topic; returns how many there are. */
  publish(topic: string, text: string): number;
  /** Takes no new connections, and lets running requests finish for at most `graceMs`. Machines are answered to the end. */
  stop(graceMs: number): Promise<void>;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly audiences: readonly Audience[];
}

/** Where each audience is served. Audiences with the same host and port share a listener. */
function placesOf(config: GatewayConfig): Place[] {
  const { GATEWAY_HOST, GATEWAY_PORT, ADMIN_HOST, ADMIN_PORT, MACHINE_HOST, MACHINE_PORT } = config;
  const places: Place[] = [{ host: GATEWAY_HOST, port: GATEWAY_PORT, audiences: ["public"] }];
  const add = (audience: Audience, host: string, port: number) => {
    const same = places.findIndex((one) => port !== 0 && one.port === port && one.host === host);
    const shared = places[same];
    if (shared === undefined) places.push({ host, port, audiences: [audience] });
    else places[same] = { ...shared, audiences: [...shared.audiences, audience] };
  };
  add("operator", ADMIN_HOST, ADMIN_PORT);
  add("machine", MACHINE_HOST, MACHINE_PORT);
  return places;
}

/** The documents that a listener has, by DOCS: operators get all of it, customers what they can call. */
function documentsOf(config: GatewayConfig, { audiences }: Place, endpoints: readonly Endpoint[]): Endpoint[] {
  if (config.DOCS === "none") return [];
  if (audiences.includes("operator")) return documentEndpoints(distinct(endpoints), "operator", true);
  if (config.DOCS !== "public" || !audiences.includes("public")) return [];
  return documentEndpoints(
    endpoints.filter(({ audience }) => audience === "public"),
    "public",
    false,
  );
}

/** Endpoints that several audiences have under one path, once. */
function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((one) => [`${one.method} ${one.path}`, one])).values()];
}

function routesOf(parts: ListenerParts, place: Place): Route[] {
  const { config, endpoints, door } = parts;
  const own = distinct(endpoints.filter(({ audience }) => place.audiences.includes(audience)));
  const cors = corsOf(config);
  return [...own, ...documentsOf(config, place, endpoints)].map((endpoint) => {
    const { method, path, audience } = endpoint;
    const handler = endpoint.serve(door);
    const isOpen = cors !== undefined && audience === "public"; // to pages of other origins
    return { method, path, handler: isOpen ? cors.wrap(handler, failureAnswer(parts.onError)) : handler };
  });
}

/** undefined: no page of another origin may use the API. */
const corsOf = ({ allowedOrigins }: GatewayConfig): Cors | undefined =>
  allowedOrigins.size === 0 ? undefined : new Cors(allowedOrigins);

const notFoundAnswer = (request: HttpRequest, allowed: readonly string[]): HttpResponse =>
  allowed.length === 0
    ? problem("ROUTE_NOT_FOUND")
    : problem("METHOD_NOT_ALLOWED", {
        detail: `${request.path} takes ${allowed.join(", ")}`,
        headers: { allow: allowed.join(", ") },
      });

/** The answer for an error that a handler threw. */
const failureAnswer =
  (onError: LogError) =>
  (_request: HttpRequest, error: unknown): HttpResponse => {
    if (!(error instanceof StampedeError) || error.code === "INTERNAL") onError(error);
    return problemOf(error);
  };

function open(parts: ListenerParts, place: Place): Promise<Transport> {
  const { config, listen, room, onError } = parts;
  const { bodies, connections } = parts.limits;
  const isPublic = place.audiences.includes("public");
  const cors = isPublic ? corsOf(config) : undefined;
  return listen({
    host: place.host,
    port: place.port,
    // Each process has another machine port, so that each can be asked.
    reusePort: config.REUSE_PORT && (isPublic || place.audiences.includes("operator")),
    maxBodyBytes: config.MAX_BODY_BYTES,
    idleTimeoutS: config.IDLE_TIMEOUT_S,
    routes: routesOf(parts, place),
    notFound: (request, allowed) => {
      const answer = notFoundAnswer(request, allowed);
      return cors === undefined ? answer : cors.answer(request.header("origin"), answer);
    },
    failed: failureAnswer(onError),
    ...(cors === undefined ? {} : { preflight: (request) => cors.preflight(request) }),
    // What customers use up, operators and machines still have.
    ...(isPublic
      ? {
          bodies,
          connections,
          socket: {
            ...room.route,
            maxMessageBytes: config.MAX_BODY_BYTES,
            idleTimeoutS: config.IDLE_TIMEOUT_S,
            maxBufferedBytes: config.SOCKET_BUFFER_BYTES,
          },
        }
      : {}),
  });
}

/** The variable that moves each listener, for the message about a port that is taken. */
const VARIABLE = { public: "GATEWAY_PORT", operator: "ADMIN_PORT", machine: "MACHINE_PORT" } as const;

/** What the operator reads about a listener that did not open. */
function whyNotOpened({ host, port, audiences }: Place, opened: readonly { readonly place: Place }[]): string {
  const variables = audiences.map((audience) => VARIABLE[audience]).join(" and ");
  const own = opened.find(({ place }) => port !== 0 && place.port === port);
  const hint =
    own === undefined ? "" : `; it has this port on ${own.place.host} already, and shares it only with the same host`;
  return `${variables}: the gateway can't listen on ${host} port ${port}${hint}`;
}

/** Opens the listeners: customers, operators and machines, each at its address. @throws Error that names the variable of a port that is taken */
export async function openListeners(parts: ListenerParts): Promise<Listeners> {
  const { config, log } = parts;
  const opened: { readonly place: Place; readonly transport: Transport }[] = [];
  for (const place of placesOf(config)) {
    try {
      opened.push({ place, transport: await open(parts, place) });
    } catch (error) {
      await Promise.all(opened.map(({ transport }) => transport.stop(0)));
      throw new Error(whyNotOpened(place, opened), { cause: error });
    }
    const guests = place.audiences.filter((audience) => audience !== "public");
    if (place.audiences[0] === "public" && guests.length > 0) {
      log.warn({ port: place.port, audiences: guests }, "these are served on the public port too");
    }
  }
  const at = (audience: Audience) => opened.find(({ place }) => place.audiences.includes(audience))!.transport;
  const ports = { public: at("public").port, operator: at("operator").port, machine: at("machine").port };
  return {
    ports,
    publish: (topic, text) => at("public").publish(topic, text),
    async stop(graceMs) {
      const isMachines = ({ place }: { place: Place }) => place.audiences.every((audience) => audience === "machine");
      const [machines, others] = [opened.filter(isMachines), opened.filter((one) => !isMachines(one))];
      await Promise.all(others.map(({ transport }) => transport.stop(graceMs)));
      await Promise.all(machines.map(({ transport }) => transport.stop(0)));
    },
  };
}
