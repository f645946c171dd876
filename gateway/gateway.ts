import pino from "pino";
import { choiceOf, redisPercent } from "../contracts/claims/pipeline.ts";
import { chosenBy, SAGA_SETTING, sagaView } from "../contracts/orders/saga-mode.ts";
import { StampedeError } from "../contracts/wire/errors.ts";
import { createFault } from "../contracts/wire/fault-points.ts";
import { type CouponId, newCouponId } from "../contracts/wire/ids.ts";
import { LeftOut } from "../contracts/wire/left-out.ts";
import type { Currency } from "../contracts/wire/money.ts";
import { findRequest, findWin } from "../db/claims/find.ts";
import { listMyCoupons } from "../db/claims/list-mine.ts";
import { isReleased } from "../db/claims/revocations.ts";
import { revokeClaim } from "../db/claims/revoke.ts";
import { createDatabase } from "../db/client.ts";
import { discardDeadLetter, retryDeadLetter } from "../db/dead-letters/change.ts";
import { findDeadLetter, listDeadLetters } from "../db/dead-letters/read.ts";
import { once } from "../db/once.ts";
import { requireOwnSessions } from "../db/pooling.ts";
import { createSale, resizeSale, setSaleState } from "../db/sales/change.ts";
import { findSale, listSales } from "../db/sales/list.ts";
import { findReopening } from "../db/sales/reopening.ts";
import { changeSetting, findSetting } from "../db/settings/settings.ts";
import { findOffers } from "../db/shop/products.ts";
import type { CreateKafka } from "../kafka/kafka.ts";
import { createRenewedProducer } from "../kafka/renewed-producer.ts";
import { topicCompression } from "../kafka/topics.ts";
import { createInbox } from "../lua/inbox.ts";
import { LEDGER_CHANNEL, PIPELINE_CHANNEL, REVOCATIONS_CHANNEL, SALE_LOADER_CHANNEL } from "../lua/keys.ts";
import { findInLedger } from "../lua/ledger.ts";
import { findPending, noteAsking, notePending } from "../lua/pending-requests.ts";
import { createRedis, createSubscriber, whenReady } from "../lua/redis.ts";
import { createRoutes } from "../lua/routes.ts";
import { readSale, saleTime, type Winner } from "../lua/sale-reading.ts";
import { createSaleScripts } from "../lua/sale-scripts.ts";
import { createRateLimit } from "./admission/token-bucket.ts";
import { createEndpoints } from "./app.ts";
import { createAuthenticate } from "./auth/hs256.ts";
import { createAckBreaker } from "./claims/breaker.ts";
import { createClaims } from "./claims/claim.ts";
import { createDecide } from "./claims/decide.ts";
import { createPastWins } from "./claims/past-wins.ts";
import { followPipeline } from "./claims/pipeline-switch.ts";
import { createDeliver, createPublish } from "./claims/publish.ts";
import { createQueue } from "./claims/queue.ts";
import { createReceipts } from "./claims/receipt.ts";
import { redisRequests } from "./claims/redis-requests.ts";
import { createRelayWakeup } from "./claims/relay-wakeup.ts";
import type { GatewayConfig } from "./config.ts";
import { databaseCalls } from "./database-errors.ts";
import { DatabaseOutageLog } from "./database-outage-log.ts";
import { readyRoute } from "./health.ts";
import { createErrorLog } from "./http/error-log.ts";
import { problem, problemOf } from "./http/problem.ts";
import { createMetrics } from "./metrics.ts";
import { createSaleRecovering } from "./operators/recovering.ts";
import { INTENT } from "./operators/sale-state.ts";
import { createOrderParts } from "./orders/parts.ts";
import { createPublishReport } from "./payments/publish-report.ts";
import { createBoard } from "./sales/board.ts";
import { followSales } from "./sales/follow-sales.ts";
import { readWinnersFilter, redisSaleUpdates } from "./sales/redis-sale-updates.ts";
import { createViewSale, type SaleSources } from "./sales/sale-view.ts";
import { createWhyNotLoaded } from "./sales/why-not-loaded.ts";
import { createOffers } from "./shop/offers.ts";
import { createCatalogueParts } from "./shop/parts.ts";
import { createSocketRoom } from "./sockets/room.ts";
import type { Listen, Transport } from "./transports/transport.ts";

const PIPELINE_SETTING = "pipeline";
/** How many coupons and orders a socket is sent when its inbox was lost; the others are at /me. */
const RESYNC_PAGE = 50;

export interface RuntimeAdapters {
  readonly listen: Listen;
  readonly createKafka: CreateKafka;
}

export interface Gateway {
  readonly port: number;
  /** Stops accepting, finishes running requests, flushes the producer, tells sockets to reconnect elsewhere. */
  stop(): Promise<void>;
}

/** Composes a gateway from its configuration and a runtime's two adapters, and starts it. */
export async function startGateway(config: GatewayConfig, runtime: RuntimeAdapters): Promise<Gateway> {
  const log = pino({ level: config.LOG_LEVEL, base: { process: "gateway", gatewayId: config.gatewayId } });
  const onError = createErrorLog(log);
  const logLine = (level: "debug" | "info" | "warn" | "error", message: string) => log[level](message);

  const redis = createRedis(config.REDIS_URL, { name: config.gatewayId, log: logLine });
  const subscriber = createSubscriber(config.REDIS_URL, { name: `${config.gatewayId}-news`, log: logLine });
  const database = createDatabase(config.DATABASE_URL, { max: 8, name: config.gatewayId });
  await requireOwnSessions(database);
  const kafka = runtime.createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: config.gatewayId,
    properties: config.kafkaProperties,
    log: logLine,
  });
  const producer = createRenewedProducer(
    kafka,
    { messageTimeoutMs: config.MESSAGE_TIMEOUT_MS, topicCompression: topicCompression() },
    {
      renewed: (why) => log.error({ why }, "the producer was replaced"),
      notRenewed: onError,
    },
  );
  const { sql, orm } = database;

  const authenticate = createAuthenticate({
    secret: config.JWT_SECRET.reveal(),
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
  });
  const breaker = createAckBreaker((open) => {
    metrics.breakerOpen(open);
    log.warn(
      { open },
      open ? "Kafka's reports are late: claims answer from the ledger" : "Kafka's reports are on time",
    );
  });
  const board = createBoard({
    ttlMs: config.GATE_TTL_MS,
    readWinners: (couponId, maxBytes) => readWinnersFilter(redis, couponId, maxBytes),
    maxFilterBytes: config.GATE_WINNERS_MB * 1_048_576,
    onChange: (couponId, change) => room.saleChanged(couponId, change),
    onError,
  });
  const scripts = createSaleScripts(redis);
  const fault = createFault(config.NODE_ENV, config.FAULT_POINT);
  const whyNotLoaded = createWhyNotLoaded(
    (couponId) => findReopening(sql, couponId),
    config.MESSAGE_TIMEOUT_MS,
    onError,
  );
  const recovering = createSaleRecovering(whyNotLoaded);
  const resizeInRedis: typeof scripts.resize = async (couponId, total, highestSlot) => {
    fault("resize:before-redis");
    const resized = await scripts.resize(couponId, total, highestSlot);
    fault("resize:after-redis");
    return resized;
  };
  const decide = createDecide(scripts.claim, (couponId, { epoch, version, state, left }) => {
    // A sale that is not loaded has no version to compare; its gate opens by expiry.
    if (epoch > 0) board.hear(couponId, { epoch, version, state, soldOut: left === 0 }, performance.now());
  });
  const queue = createQueue({
    producer,
    breaker: createAckBreaker((open) =>
      log.warn({ open }, open ? "Kafka does not acknowledge queued claims: 503" : "Kafka acknowledges queued claims"),
    ),
    ackMs: config.QUEUED_ACK_MS,
    ask: (couponId, requestId, userId, mayAsk) => noteAsking(redis, couponId, requestId, userId, mayAsk),
    notePending: (couponId, requestId, userId) => notePending(redis, couponId, requestId, userId),
    fault,
    onError,
  });
  const guarded = databaseCalls(onError, new DatabaseOutageLog(log));
  const pipelines = followPipeline(
    {
      read: () => guarded(() => findSetting(sql, PIPELINE_SETTING)),
      subscribe(hear) {
        subscriber.on("message", (channel: string) => {
          if (channel === PIPELINE_CHANNEL) hear();
        });
        subscriber.subscribe(PIPELINE_CHANNEL).catch(onError);
      },
    },
    {
      start: config.pipeline,
      requireKafka: config.CLAIM_REQUIRE_KAFKA,
      onChange: (view) => log.warn({ ...view, kafkaRequired: config.CLAIM_REQUIRE_KAFKA }, "the pipeline was chosen"),
      onError,
    },
  );
  const deliver = createDeliver(producer, breaker, config.CLAIM_ACK_MS, onError);
  const rateLimit = createRateLimit(config.USER_RATE_PER_S, config.USER_RATE_BURST);
  const claims = createClaims({
    decide,
    queue,
    pipelineOf: pipelines.of,
    wakeRelay: createRelayWakeup((couponId) => redis.publish(LEDGER_CHANNEL, couponId), onError),
    accepted: (pipeline) => metrics.acceptedBy(pipeline),
    publish: createPublish(deliver),
    breaker,
    receipts: createReceipts(config.receiptKey),
    rateLimit,
    whyNotLoaded,
    pastWin: createPastWins(
      (couponId, userId) => guarded(() => findWin(sql, couponId, userId)) as Promise<Winner | null>,
    ),
    maxInFlight: config.MAX_IN_FLIGHT,
    requireKafka: config.CLAIM_REQUIRE_KAFKA,
    ledgerWordMs: config.MESSAGE_TIMEOUT_MS,
    fault,
    observe: (seconds) => metrics.observeClaim(seconds),
    onError,
  });

  const live = (couponId: CouponId) =>
    readSale(redis, couponId).catch((error: unknown) => {
      onError(error);
      return null; // shown as RECOVERING, with the terms from PostgreSQL
    });
  const sales: SaleSources = {
    find: (couponId) => guarded(() => findSale(orm, couponId)),
    list: (cursor, limit) => guarded(() => listSales(orm, cursor, limit)),
    live,
  };
  const offers = createOffers({ find: (ids) => guarded(() => findOffers(sql, ids)) });
  const viewSale = createViewSale(sales);
  const listCoupons = (userId: string, cursor: string | null, limit: number) =>
    guarded(() => listMyCoupons(orm, userId, cursor, limit));

  const orders = createOrderParts({
    database,
    redis,
    producer,
    deliver,
    logIsLate: () => breaker.open,
    offers,
    rateLimit,
    maxInFlight: config.MAX_IN_FLIGHT,
    requireKafka: config.CLAIM_REQUIRE_KAFKA,
    defaultCountry: config.ORDER_COUNTRY,
    countriesServed: config.countriesServed,
    defaultPaymentToken: config.ORDER_DEFAULT_PAYMENT_TOKEN || null,
    pointsCurrency: config.POINTS_CURRENCY as Currency,
    cancelAckMs: config.QUEUED_ACK_MS,
    guarded,
    fault,
    observe: (code, seconds) => metrics.observeOrder(code, seconds),
    onError,
  });

  // Announcements may arrive before a socket can be connected.
  let transport: Transport | undefined;
  let stopping = false;
  const metrics = createMetrics({
    inFlight: claims.inFlight,
    ordersInFlight: orders.inFlight,
    sockets: () => room.size(),
    producerQueued: () => producer.stats().queued,
    redisPercent: pipelines.percent,
    filterBytes: board.filterBytes,
  });
  const endpoints = createEndpoints({
    authenticate,
    board,
    claimForUser: claims.claimForUser,
    countClaim: metrics.countClaim,
    requests: {
      inRedis: redisRequests(redis),
      inDatabase: (requestId, userId) => guarded(() => findRequest(sql, requestId, userId)),
      whyNotLoaded,
    },
    sales,
    viewSale,
    listMyCoupons: listCoupons,
    saleCreation: {
      insert: (asking, terms) =>
        guarded(() =>
          once(sql, { ...asking, request: ["sale", terms] }, (tx) =>
            createSale(tx, { ...terms, id: newCouponId() }, asking.actor),
          ),
        ),
      wakeLoader: async (couponId) => void (await redis.publish(SALE_LOADER_CHANNEL, couponId)),
      view: viewSale,
    },
    saleControl: {
      change: (couponId, action, actor) =>
        guarded(() =>
          setSaleState(sql, couponId, INTENT[action], actor, () => scripts.setState(couponId, INTENT[action])),
        ),
      view: viewSale,
    },
    pipelineControl: {
      async read() {
        await pipelines.look();
        return pipelines.view();
      },
      async change(pipeline, actor) {
        await guarded(() => changeSetting(sql, PIPELINE_SETTING, choiceOf(redisPercent(pipeline)), actor));
        // Unheard, every gateway still looks twice a second.
        await redis.publish(PIPELINE_CHANNEL, "").catch(onError);
        await pipelines.look();
        return pipelines.view();
      },
      requireKafka: config.CLAIM_REQUIRE_KAFKA,
    },
    sagaControl: {
      read: async () => sagaView(await guarded(() => findSetting(sql, SAGA_SETTING)), chosenBy(config)),
      change: async (mode, actor) => sagaView(await guarded(() => changeSetting(sql, SAGA_SETTING, mode, actor)), mode),
    },
    resizing: {
      resize: (couponId, total, actor) =>
        guarded(() =>
          resizeSale(sql, couponId, total, actor, (to, highest) => resizeInRedis(couponId, to, highest), onError),
        ),
      recovering,
      view: viewSale,
    },
    revoking: {
      commit: async (wish, unpersisted) => {
        const outcome = await guarded(() => revokeClaim(sql, wish, unpersisted));
        if (outcome.code === "REVOKED") fault("revoke:committed");
        return outcome;
      },
      onItsWay: async (couponId, requestId) =>
        (await findInLedger(redis, couponId, requestId)) ?? (await findPending(redis, couponId, requestId)),
      isLoaded: async (couponId) => ((await readSale(redis, couponId))?.state ?? "RECOVERING") !== "RECOVERING",
      recovering,
      wake: (requestId) => redis.publish(REVOCATIONS_CHANNEL, requestId),
      isReleased: (requestId) => guarded(() => isReleased(sql, requestId)),
    },
    deadLetterControl: {
      list: (filter, cursor, limit) => guarded(() => listDeadLetters(orm, filter, cursor, limit)),
      find: (id) => guarded(() => findDeadLetter(orm, id)),
      retry: (id, actor) => guarded(() => retryDeadLetter(sql, id, actor)),
      discard: (id, actor, why) => guarded(() => discardDeadLetter(sql, id, actor, why)),
    },
    catalogue: createCatalogueParts({ database, redis, offers, guarded, onError }),
    webhooks: {
      secrets: config.webhookSecrets,
      publish: createPublishReport(producer, config.WEBHOOK_ACK_MS, onError),
    },
    orders,
    ready: readyRoute(
      {
        redis: async () => void (await redis.ping()),
        kafka: async () => {
          if (!producer.stats().connected) throw new Error("no broker is connected");
        },
        database: () => database.ping(1_000),
      },
      () => stopping,
    ),
    metrics: metrics.text,
    onError,
  });

  const room = createSocketRoom(
    {
      authenticate,
      claimForUser: claims.claimForUser,
      gate: (couponId, userId) => {
        const refusal = board.gate(couponId, performance.now());
        return refusal === undefined || refusal.unlessWon.has(userId) ? undefined : refusal.code;
      },
      inbox: createInbox(redis),
      routes: createRoutes(redis),
      listCoupons: (userId) => listCoupons(userId, null, RESYNC_PAGE),
      listOrders: (userId) => orders.list(userId, null, RESYNC_PAGE),
      viewSale,
      saleTime: (couponId) => saleTime(redis, couponId),
      gatewayId: config.gatewayId,
      subscriber,
      publish: (topic, text) => transport?.publish(topic, text) ?? 0,
      onError,
    },
    {
      authTimeoutS: config.AUTH_TIMEOUT_S,
      socketsPerUser: config.SOCKETS_PER_USER,
      socketsPerAddress: config.SOCKETS_PER_ADDRESS,
      allowedOrigins: config.allowedOrigins,
    },
  );
  const leftOut = new LeftOut({
    complain: (complaint) => log.error(complaint, "left out; the others go on"),
    count: metrics.leftOut,
  });
  const stopNews = followSales(board, redisSaleUpdates(redis, subscriber, scripts.forget, onError), leftOut, onError);
  // What an operator chose holds from the first claim on; a database that does not answer now is asked again and again.
  await Promise.race([pipelines.look().catch(onError), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  await whenReady(redis, 2_000); // a first request that finds no connection yet would be refused for nothing

  transport = await runtime.listen({
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    reusePort: config.REUSE_PORT,
    maxBodyBytes: config.MAX_BODY_BYTES,
    idleTimeoutS: config.IDLE_TIMEOUT_S,
    routes: endpoints,
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
  const { port, stop } = transport;
  log.info({ port, kafka: kafka.version }, "gateway is listening");

  return {
    port,
    async stop() {
      if (stopping) return;
      stopping = true;
      // Readiness is 503 from here on. Load balancers need a moment to notice, and send new connections meanwhile.
      log.info({ delayMs: config.SHUTDOWN_DELAY_MS }, "stopping: not ready, still serving");
      await new Promise((resolve) => setTimeout(resolve, config.SHUTDOWN_DELAY_MS));
      log.info("stopping: no new requests, running ones finish");
      stopNews();
      pipelines.stop();
      await room.closeAll();
      await stop(config.SHUTDOWN_GRACE_MS);
      await producer.close(config.MESSAGE_TIMEOUT_MS).catch(onError);
      subscriber.disconnect();
      redis.disconnect();
      await database.close();
      log.info("stopped");
    },
  };
}
