import { LeftOut } from "../contracts/wire/left-out.ts";
import type { CreateKafka } from "../kafka/kafka.ts";
import { whenReady } from "../lua/redis.ts";
import { composeLimits } from "./admission/compose.ts";
import { type Audit, composeAudit } from "./audit/compose.ts";
import { composeAuth } from "./auth/compose.ts";
import { composeClaims } from "./claims/compose.ts";
import type { GatewayConfig } from "./config.ts";
import { connect, type GatewayConnections } from "./connections.ts";
import { REFERENCED } from "./docs/documents.ts";
import { createCheckAnswer } from "./http/check-answers.ts";
import { clientAddress } from "./http/client-address.ts";
import { createDoor } from "./http/gateway-door.ts";
import { type Listeners, openListeners } from "./listeners.ts";
import { composeMachines } from "./machines/compose.ts";
import { createMetrics } from "./machines/metrics.ts";
import { composeOperators } from "./operators/compose.ts";
import { composeOrders } from "./orders/compose.ts";
import { composePayments } from "./payments/compose.ts";
import { composeSales } from "./sales/compose.ts";
import { composeShop } from "./shop/compose.ts";
import { composeSockets } from "./sockets/compose.ts";
import type { SocketRoom } from "./sockets/room.ts";
import type { HttpRequest, Listen } from "./transports/transport.ts";

export interface RuntimeAdapters {
  readonly listen: Listen;
  readonly createKafka: CreateKafka;
  /** What an operator must know about this runtime's HTTP, one sentence in the log at every start. */
  readonly caution?: string;
}

export interface Gateway {
  readonly ports: Listeners["ports"];
  /** Stops accepting, finishes running requests, flushes the producer, tells sockets to reconnect elsewhere. */
  stop(): Promise<void>;
}

/** How long the start waits for the operators' choice and for Redis: first requests would be refused for nothing. */
const FIRST_LOOK_MS = 2_000;

/** Composes a gateway from its configuration and a runtime's two adapters, and starts it. */
export async function startGateway(config: GatewayConfig, runtime: RuntimeAdapters): Promise<Gateway> {
  const connections = await connect(config, runtime.createKafka);
  const { log, redis, onError, kafkaVersion } = connections;
  const auth = await composeAuth(connections, config);
  const { authenticate } = auth;
  let stopping = false;
  // Announcements may arrive before a socket can be connected.
  let listeners: Listeners | undefined;
  const metrics = createMetrics();
  const sales = composeSales(connections, config, metrics);
  const limits = composeLimits(config, log, metrics);
  const claims = composeClaims(connections, config, metrics, limits, sales);
  const audit = composeAudit(connections, metrics);
  const shop = composeShop(connections);
  const orders = composeOrders(connections, config, metrics, claims, shop);
  const publish = (topic: string, text: string) => listeners?.publish(topic, text) ?? 0;
  const room = composeSockets(connections, config, metrics, { ...audit, auth, sales, claims, orders, limits, publish });
  const endpoints = [
    ...claims.endpoints,
    ...sales.endpoints,
    ...shop.endpoints,
    ...orders.endpoints,
    ...composePayments(connections, config),
    ...composeOperators(connections, config, sales, claims, shop, auth),
    ...audit.endpoints,
    ...composeMachines(connections, metrics, () => stopping),
  ];
  const leftOut = new LeftOut({
    complain: (complaint) => log.error(complaint, "left out; the others go on"),
    count: metrics.leftOut,
  });
  const stopFollowing = sales.follow(leftOut);
  // What operators chose and blocked holds from the first claim on; a database that does not answer now is asked again and again.
  await Promise.race([
    Promise.all([claims.pipelines.look().catch(onError), auth.blocks.look().catch(onError)]),
    new Promise((resolve) => setTimeout(resolve, FIRST_LOOK_MS)),
  ]);
  await whenReady(redis, FIRST_LOOK_MS);

  const checkAnswer = config.NODE_ENV === "test" ? { checkAnswer: createCheckAnswer(endpoints, REFERENCED) } : {};
  const addressOf = (request: HttpRequest) => clientAddress(request, config.trustedProxies);
  const door = createDoor({ authenticate, addressOf, ...audit, ...limits, metrics, log, onError, ...checkAnswer });
  listeners = await openListeners({ config, listen: runtime.listen, endpoints, door, room, limits, log, onError });
  const { ports } = listeners;
  log.info({ ports, kafka: kafkaVersion }, "gateway is listening");
  return {
    ports,
    async stop() {
      if (stopping) return;
      stopping = true;
      await retire(config, connections, room, listeners!, audit, () => {
        auth.stop();
        stopFollowing();
        limits.stop();
        claims.pipelines.stop();
      });
    },
  };
}

/** A graceful end: not ready first, then no new requests, then nothing open. */
async function retire(
  config: GatewayConfig,
  { log, close }: GatewayConnections,
  room: SocketRoom,
  listeners: Listeners,
  audit: Audit,
  stopTimers: () => void,
): Promise<void> {
  // Readiness is 503 from here on. Load balancers need a moment to notice, and send new connections meanwhile.
  log.info({ delayMs: config.SHUTDOWN_DELAY_MS }, "stopping: not ready, still serving");
  await new Promise((resolve) => setTimeout(resolve, config.SHUTDOWN_DELAY_MS));
  log.info("stopping: no new requests, running ones finish");
  stopTimers();
  await room.closeAll();
  await listeners.stop(config.SHUTDOWN_GRACE_MS);
  await audit.stop();
  await close();
  log.info("stopped");
}
