import type { ReceiptKey } from "../../contracts/claims/receipt-keys.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { findRequest, findWin } from "../../db/claims/find.ts";
import { listMyCoupons } from "../../db/claims/list-mine.ts";
import { findSale } from "../../db/sales/list.ts";
import { LEDGER_CHANNEL } from "../../lua/keys.ts";
import { noteAsking, notePending } from "../../lua/pending-requests.ts";
import { issueModeInRedis, statusOf, type Winner } from "../../lua/sale-reading.ts";
import type { GatewayLimits } from "../admission/compose.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { Sales } from "../sales/compose.ts";
import { type AckBreaker, createAckBreaker } from "./breaker.ts";
import { type ClaimForUser, ClaimPath } from "./claim.ts";
import type { ProofSources } from "./claim-proof.ts";
import { type ClaimDoor, claimEndpoints } from "./claim-route.ts";
import { createDecide, type Decide } from "./decide.ts";
import { followChosenPipeline } from "./follow-choice.ts";
import { createIssueModes, type IssueModeOf } from "./issue-modes.ts";
import { type ListMyCoupons, myCoupons } from "./my-coupons.ts";
import { createPastWins } from "./past-wins.ts";
import type { PipelineSwitch } from "./pipeline-switch.ts";
import { createDeliver, createPublish, type PublishRecord } from "./publish.ts";
import { Queue } from "./queue.ts";
import { createReceipts, type Receipts } from "./receipt.ts";
import { showReceiptKeys } from "./receipt-keys.ts";
import { redisRequests } from "./redis-requests.ts";
import { createRelayWakeup } from "./relay-wakeup.ts";
import { type RequestSources, showRequest } from "./request-status.ts";
import { showReceipt } from "./show-receipt.ts";

/** The claims of this gateway, and what orders share with them. */
export interface ClaimDomain {
  readonly claimForUser: ClaimForUser;
  readonly listCoupons: ListMyCoupons;
  readonly pipelines: PipelineSwitch;
  readonly breaker: AckBreaker;
  /** Produces a record and waits for Kafka for at most CLAIM_ACK_MS. */
  readonly deliver: PublishRecord;
  readonly endpoints: readonly Endpoint[];
}

export interface ClaimEndpointParts {
  readonly door: ClaimDoor;
  readonly requests: RequestSources;
  readonly proofs: ProofSources;
  readonly receipts: Pick<Receipts, "signed">;
  readonly receiptKeys: readonly ReceiptKey[];
  readonly listCoupons: ListMyCoupons;
  readonly onError: (error: unknown) => void;
}

export const claimDomainEndpoints = (parts: ClaimEndpointParts): Endpoint[] => [
  ...claimEndpoints(parts.door),
  showRequest(parts.requests, parts.onError),
  showReceipt(parts.proofs, parts.receipts),
  showReceiptKeys(parts.receiptKeys),
  myCoupons(parts.listCoupons),
];

/** Redis' decisions; each also tells the board what it says about the sale. */
function decisions({ board, scripts }: Sales): Decide {
  return createDecide(scripts.claim, (couponId, { epoch, version, state, left }) => {
    // A sale that is not loaded has no version to compare; its gate opens by expiry.
    if (epoch > 0) board.hear(couponId, { epoch, version, state, soldOut: left === 0 }, performance.now());
  });
}

/** The queued sales' way into the log. */
function queueOf({ redis, producer, fault, log, onError }: GatewayConnections, ackMs: number): Queue {
  return new Queue({
    producer,
    breaker: createAckBreaker((open) =>
      log.warn({ open }, open ? "Kafka does not acknowledge queued claims: 503" : "Kafka acknowledges queued claims"),
    ),
    ackMs,
    ask: (couponId, requestId, userId, mayAsk) => noteAsking(redis, couponId, requestId, userId, mayAsk),
    notePending: (couponId, requestId, userId) => notePending(redis, couponId, requestId, userId),
    fault,
    onError,
  });
}

/** @throws StampedeError COUPON_NOT_FOUND for a sale that never existed */
function issueModes({ redis, orm, guarded }: GatewayConnections): IssueModeOf {
  return createIssueModes({
    inRedis: (couponId) => issueModeInRedis(redis, couponId),
    inDatabase: async (couponId) => {
      const sale = await guarded(() => findSale(orm, couponId));
      if (sale === null) throw new StampedeError("COUPON_NOT_FOUND");
      return sale.issueMode;
    },
  });
}

function breakerOf({ log }: GatewayConnections, metrics: GatewayMetrics): AckBreaker {
  return createAckBreaker((open) => {
    metrics.breakerOpen(open);
    log.warn(
      { open },
      open ? "Kafka's reports are late: claims answer from the ledger" : "Kafka's reports are on time",
    );
  });
}

/** The claim path on Redis, Kafka and PostgreSQL. */
export function composeClaims(
  connections: GatewayConnections,
  config: GatewayConfig,
  metrics: GatewayMetrics,
  { limits }: GatewayLimits,
  sales: Sales,
): ClaimDomain {
  const { redis, sql, orm, producer, guarded, fault, onError } = connections;
  const { board, whyNotLoaded } = sales;
  const breaker = breakerOf(connections, metrics);
  const pipelines = followChosenPipeline(connections, config);
  const deliver = createDeliver(producer, breaker, config.CLAIM_ACK_MS, onError);
  const receipts = createReceipts(config.receiptKeys, config.receiptV1Key);
  const issueModeOf = issueModes(connections);
  const inDatabase: RequestSources["inDatabase"] & ProofSources["inDatabase"] = (requestId, userId) =>
    guarded(() => findRequest(sql, requestId, userId));
  const claims = new ClaimPath({
    decide: decisions(sales),
    queue: queueOf(connections, config.QUEUED_ACK_MS),
    pipelineOf: pipelines.of,
    wakeRelay: createRelayWakeup((couponId) => redis.publish(LEDGER_CHANNEL, couponId), onError),
    accepted: metrics.acceptedBy,
    publish: createPublish(deliver),
    breaker,
    receipts,
    limits,
    whyNotLoaded,
    pastWin: createPastWins(
      (couponId, userId) => guarded(() => findWin(sql, couponId, userId)) as Promise<Winner | null>,
    ),
    issueModeOf,
    maxInFlight: config.MAX_IN_FLIGHT,
    requireKafka: config.CLAIM_REQUIRE_KAFKA,
    ledgerWordMs: config.MESSAGE_TIMEOUT_MS,
    fault,
    observe: metrics.observeClaim,
    onError,
  });
  metrics.gauge("stampede_claims_in_flight", "Claims that are not answered yet", () => claims.inFlight());
  metrics.gauge(
    "stampede_pipeline_redis_percent",
    "Percentage of users whose claims skip Kafka on this gateway",
    pipelines.percent,
  );
  const listCoupons: ListMyCoupons = (userId, cursor, limit) =>
    guarded(() => listMyCoupons(orm, userId, cursor, limit));
  const { claimForUser } = claims;
  return {
    claimForUser,
    listCoupons,
    pipelines,
    breaker,
    deliver,
    endpoints: claimDomainEndpoints({
      door: { board, claimForUser, countClaim: metrics.countClaim },
      requests: { inRedis: redisRequests(redis), inDatabase, whyNotLoaded },
      proofs: { inRedis: (...request) => statusOf(redis, ...request), inDatabase, issueModeOf, whyNotLoaded },
      receipts,
      receiptKeys: config.receiptKeys,
      listCoupons,
      onError,
    }),
  };
}
