import { StampedeError } from "../contracts/wire/errors.ts";
import { LeftOut } from "../contracts/wire/left-out.ts";
import type { CreateKafka } from "../kafka/kafka.ts";
import { whenReady } from "../lua/redis.ts";
import { createAuthenticate } from "./auth/hs256.ts";
import { composeClaims } from "./claims/compose.ts";
import type { GatewayConfig } from "./config.ts";
import { connect, type GatewayConnections } from "./connections.ts";
import { documentEndpoints, REFERENCED } from "./docs/documents.ts";
import { createCheckAnswer } from "./http/check-answers.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { createDoor } from "./http/gateway-door.ts";
import { problem, problemOf } from "./http/problem.ts";
import { composeMachines } from "./machines/compose.ts";
import { createMetrics } from "./machines/metrics.ts";
import { composeOperators } from "./operators/compose.ts";
import { composeOrders } from "./orders/compose.ts";
import { composePayments } from "./payments/compose.ts";
import { composeSales } from "./sales/compose.ts";
import { composeShop } from "./shop/compose.ts";
import { composeSockets } from "./sockets/compose.ts";
import type { SocketRoom } from "./sockets/room.ts";
import type { Listen, Route, Transport } from "./transports/transport.ts";

export interface RuntimeAdapters {
  readonly listen: Listen;
  readonly createKafka: CreateKafka;
}

export interface Gateway {
  readonly port: number;
  /** Stops accepting, finishes running requests, flushes the producer, tells sockets to reconnect elsewhere. */
  stop(): Promise<void>;
}

/** How long the start waits for the operators' choice and for Redis: first requests would be refused for nothing. */
const FIRST_LOOK_MS = 2_000;

/** Composes a gateway from its configuration and a runtime's two adapters, and starts it. */
export async function startGateway(config: GatewayConfig, runtime: RuntimeAdapters): Promise<Gateway> {
  const connections = await connect(config, runtime.createKafka);
  const { log, redis, onError, kafkaVersion } = connections;
  const authenticate = createAuthenticate({
    secret: config.JWT_SECRET.reveal(),
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
  });
  let stopping = false;
  // Announcements may arrive before a socket can be connected.
  let transport: Transport | undefined;
  const metrics = createMetrics();
  const sales = composeSales(connections, config, metrics);
  const claims = composeClaims(connections, config, metrics, sales);
  const shop = composeShop(connections);
  const orders = composeOrders(connections, config, metrics, claims, shop);
  const publish = (topic: string, text: string) => transport?.publish(topic, text) ?? 0;
  const room = composeSockets(connections, config, metrics, { authenticate, sales, claims, orders, publish });
  const endpoints = [
    ...claims.endpoints,
    ...sales.endpoints,
    ...shop.endpoints,
    ...orders.endpoints,
    ...composePayments(connections, config),
    ...composeOperators(connections, config, sales, claims),
    ...composeMachines(connections, metrics, () => stopping),
  ];
  const leftOut = new LeftOut({
    complain: (complaint) => log.error(complaint, "left out; the others go on"),
    count: metrics.leftOut,
  });
  const stopFollowing = sales.follow(leftOut);
  // What an operator chose holds from the first claim on; a database that does not answer now is asked again and again.
  await Promise.race([
    claims.pipelines.look().catch(onError),
    new Promise((resolve) => setTimeout(resolve, FIRST_LOOK_MS)),
  ]);
  await whenReady(redis, FIRST_LOOK_MS);

  const checkAnswer = config.NODE_ENV === "test" ? { checkAnswer: createCheckAnswer(endpoints, REFERENCED) } : {};
  const door = createDoor({ authenticate, metrics, log, onError, ...checkAnswer });
  const routes = [...endpoints, ...documentEndpoints(endpoints)].map((endpoint) => routeOf(endpoint, door));
  transport = await listen(config, runtime.listen, routes, room, onError);
  const { port } = transport;
  log.info({ port, kafka: kafkaVersion }, "gateway is listening");
  return {
    port,
    async stop() {
      if (stopping) return;
      stopping = true;
      await retire(config, connections, room, transport!, () => {
        stopFollowing();
        claims.pipelines.stop();
      });
    },
  };
}

const routeOf = (endpoint: Endpoint, door: Parameters<Endpoint["serve"]>[0]): Route => ({
  method: endpoint.method,
  path: endpoint.path,
  handler: endpoint.serve(door),
});

function listen(
  config: GatewayConfig,
  listenOn: Listen,
  routes: readonly Route[],
  room: SocketRoom,
  onError: (error: unknown) => void,
): Promise<Transport> {
  return listenOn({
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    reusePort: config.REUSE_PORT,
    maxBodyBytes: config.MAX_BODY_BYTES,
    idleTimeoutS: config.IDLE_TIMEOUT_S,
    routes,
    notFound: (request, allowed) =>
      allowed.length === 0
        ? problem("ROUTE_NOT_FOUND")
        : problem("METHOD_NOT_ALLOWED", {
            detail: `${request.path} takes ${allowed.join(", ")}`,
            headers: { allow: allowed.join(", ") },
          }),
    failed: (_request, error) => {
      if (!(error instanceof StampedeError) || error.code === "INTERNAL") onError(error);
      return problemOf(error);
    },
    socket: {
      ...room.route,
      maxMessageBytes: config.MAX_BODY_BYTES,
      idleTimeoutS: config.IDLE_TIMEOUT_S,
      maxBufferedBytes: config.SOCKET_BUFFER_BYTES,
    },
  });
}

/** A graceful end: not ready first, then no new requests, then nothing open. */
async function retire(
  config: GatewayConfig,
  { log, close }: GatewayConnections,
  room: SocketRoom,
  transport: Transport,
  stopTimers: () => void,
): Promise<void> {
  // Readiness is 503 from here on. Load balancers need a moment to notice, and send new connections meanwhile.
  log.info({ delayMs: config.SHUTDOWN_DELAY_MS }, "stopping: not ready, still serving");
  await new Promise((resolve) => setTimeout(resolve, config.SHUTDOWN_DELAY_MS));
  log.info("stopping: no new requests, running ones finish");
  stopTimers();
  await room.closeAll();
  await transport.stop(config.SHUTDOWN_GRACE_MS);
  await close();
  log.info("stopped");
}
