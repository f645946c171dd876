import { Type } from "@sinclair/typebox";
import {
  ClaimAccepted,
  ClaimPending,
  ClaimRevoked,
  CreateSale,
  MyCoupon,
  MyCoupons,
  RequestStatus,
  ResizeSale,
  RevokeClaim,
  Sale,
  SaleList,
} from "../contracts/claims/http.ts";
import { PipelineChange, PipelineView } from "../contracts/claims/pipeline.ts";
import { TOLD_REFUSALS } from "../contracts/claims/refusals.ts";
import { OrderSummary, StepView } from "../contracts/orders/http.ts";
import { IdempotencyKeySchema } from "../contracts/orders/ids.ts";
import { SagaChange, SagaView } from "../contracts/orders/saga-mode.ts";
import { DeadLetter, DeadLetterAction } from "../contracts/wire/dead-letters.ts";
import type { Authenticate } from "./auth/hs256.ts";
import type { ClaimForUser } from "./claims/claim.ts";
import { type CountClaim, claimRoute } from "./claims/claim-route.ts";
import { type ListMyCoupons, myCouponsRoute } from "./claims/my-coupons.ts";
import { type RequestSources, requestStatusRoute } from "./claims/request-status.ts";
import { asyncApi } from "./docs/asyncapi.ts";
import { openApi } from "./docs/openapi.ts";
import { DOCS_PAGE } from "./docs/page.ts";
import { Liveness, liveRoute, Readiness } from "./health.ts";
import { type Endpoint, withCheckedQuery } from "./http/endpoint.ts";
import { PageQuery } from "./http/page.ts";
import { json } from "./http/problem.ts";
import { createSaleRoute, type SaleCreation } from "./operators/create-sale.ts";
import { type DeadLetterControl, deadLetterEndpoints } from "./operators/dead-letters.ts";
import { type PipelineControl, showPipelineRoute, switchPipelineRoute } from "./operators/pipeline.ts";
import { type Resizing, resizeSaleRoute } from "./operators/resize-sale.ts";
import { type Revoking, revokeClaimRoute } from "./operators/revoke-claim.ts";
import { type SagaControl, sagaEndpoints } from "./operators/saga.ts";
import { type SaleControl, saleStateRoute } from "./operators/sale-state.ts";
import { type OrderParts, orderEndpoints } from "./orders/endpoints.ts";
import { paymentEndpoints } from "./payments/endpoints.ts";
import type { WebhookParts } from "./payments/webhook-route.ts";
import type { Board } from "./sales/board.ts";
import { listSalesRoute } from "./sales/list-sales.ts";
import { type SaleSources, saleRoute, type ViewSale } from "./sales/sale-view.ts";
import { type CatalogueParts, catalogueEndpoints } from "./shop/endpoints.ts";
import type { Handler } from "./transports/transport.ts";

export interface AppParts {
  readonly authenticate: Authenticate;
  readonly board: Board;
  readonly claimForUser: ClaimForUser;
  readonly countClaim: CountClaim;
  readonly requests: RequestSources;
  readonly sales: SaleSources;
  readonly viewSale: ViewSale;
  readonly listMyCoupons: ListMyCoupons;
  readonly saleCreation: SaleCreation;
  readonly saleControl: SaleControl;
  readonly pipelineControl: PipelineControl;
  readonly sagaControl: SagaControl;
  readonly resizing: Resizing;
  readonly revoking: Revoking;
  readonly deadLetterControl: DeadLetterControl;
  readonly catalogue: CatalogueParts;
  readonly webhooks: WebhookParts;
  readonly orders: OrderParts;
  readonly ready: Handler;
  readonly metrics: () => Promise<string>;
  readonly onError: (error: unknown) => void;
}

const DATABASE = ["DATABASE_UNAVAILABLE"] as const;
/** For calls whose body must be empty, or an object without members. */
const EMPTY_BODY = ["UNSUPPORTED_MEDIA_TYPE", "INVALID_JSON", "BODY_TOO_LARGE"] as const;
const REBUILDING = ["SALE_RECOVERING", "REDIS_UNAVAILABLE"] as const;

/** The route table. The gateway's routes and its documentation are made from it. */
export function createEndpoints(parts: AppParts): Endpoint[] {
  const { authenticate, board, claimForUser, countClaim, requests, sales, viewSale, onError } = parts;
  const claim = claimRoute(board, authenticate, claimForUser, countClaim);
  const claimEndpoint = (path: string, summary: string): Endpoint => ({
    method: "POST",
    path,
    summary,
    tag: "claims",
    security: "user",
    answers: { 202: Type.Union([ClaimAccepted, ClaimPending]), 200: ClaimAccepted },
    meanings: { 200: "The same user's earlier win, with `repeat: true`" },
    refusals: [...TOLD_REFUSALS, "INVALID_JSON", "BODY_TOO_LARGE"],
    checksQuery: true,
    handler: claim,
  });
  const stateEndpoint = (action: "open" | "pause" | "close", summary: string): Endpoint => ({
    method: "POST",
    path: `/admin/coupons/:couponId/${action}`,
    summary,
    tag: "admin",
    security: "operator",
    answers: { 200: Sale },
    refusals: ["COUPON_NOT_FOUND", "REDIS_UNAVAILABLE", ...EMPTY_BODY, ...DATABASE],
    handler: saleStateRoute(parts.saleControl, action, authenticate),
  });
  const machine = (path: string, summary: string, handler: Handler, answers: Endpoint["answers"]): Endpoint => ({
    method: "GET",
    path,
    summary,
    tag: "machines",
    security: "none",
    answers,
    refusals: [],
    handler,
  });

  const endpoints: Endpoint[] = [
    claimEndpoint("/coupons/:couponId/issue", "Claim one coupon of a sale"),
    claimEndpoint("/coupons/:couponId/issue-async", "The same, under the path that older clients use"),
    {
      method: "GET",
      path: "/coupons/requests/:requestId",
      summary: "The status of one of the caller's claims",
      tag: "claims",
      security: "user",
      answers: { 200: RequestStatus },
      refusals: ["REQUEST_NOT_FOUND", ...DATABASE],
      handler: requestStatusRoute(requests, authenticate, onError),
    },
    {
      method: "GET",
      path: "/coupons/:couponId",
      summary: "A sale: total, remaining, state, window",
      tag: "sales",
      security: "none",
      answers: { 200: Sale },
      refusals: ["COUPON_NOT_FOUND", ...DATABASE],
      handler: saleRoute(viewSale),
    },
    {
      method: "GET",
      path: "/coupons",
      summary: "All sales, newest first",
      tag: "sales",
      security: "none",
      query: PageQuery,
      answers: { 200: SaleList },
      refusals: ["VALIDATION_FAILED", ...DATABASE],
      handler: listSalesRoute(sales),
    },
    {
      method: "GET",
      path: "/me/coupons",
      summary: "The caller's coupons, newest first",
      tag: "me",
      security: "user",
      query: PageQuery,
      answers: { 200: MyCoupons },
      refusals: ["VALIDATION_FAILED", ...DATABASE],
      handler: myCouponsRoute(parts.listMyCoupons, authenticate),
    },
    {
      method: "POST",
      path: "/admin/coupons",
      summary: "Create a sale; it opens by itself at startsAt",
      tag: "admin",
      security: "operator",
      body: CreateSale,
      headers: { "Idempotency-Key": IdempotencyKeySchema },
      answers: { 201: Sale },
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_KEY_REUSED", ...DATABASE],
      handler: createSaleRoute(parts.saleCreation, authenticate),
    },
    stateEndpoint("open", "Open a paused or closed sale"),
    stateEndpoint("pause", "Pause a sale: claims get PAUSED until it is opened"),
    stateEndpoint("close", "Close a sale: claims get ENDED"),
    {
      method: "POST",
      path: "/admin/coupons/:couponId/resize",
      summary: "Give a sale another total, not below the highest slot in use",
      tag: "admin",
      security: "operator",
      body: ResizeSale,
      answers: { 200: Sale },
      refusals: ["COUPON_NOT_FOUND", "CONFLICT", "UNSUPPORTED_MEDIA_TYPE", ...REBUILDING, ...DATABASE],
      handler: resizeSaleRoute(parts.resizing, authenticate),
    },
    {
      method: "POST",
      path: "/admin/coupons/:couponId/revoke",
      summary: "Revoke one claim: its owner is told, and its slot goes to the next user",
      tag: "admin",
      security: "operator",
      body: RevokeClaim,
      answers: { 200: ClaimRevoked },
      refusals: [
        "COUPON_NOT_FOUND",
        "REQUEST_NOT_FOUND",
        "CONFLICT",
        "UNSUPPORTED_MEDIA_TYPE",
        ...REBUILDING,
        ...DATABASE,
      ],
      handler: revokeClaimRoute(parts.revoking, authenticate),
    },
    {
      method: "GET",
      path: "/admin/pipeline",
      summary: "Whether claims go through Kafka or through Redis alone",
      tag: "admin",
      security: "operator",
      answers: { 200: PipelineView },
      refusals: DATABASE,
      handler: showPipelineRoute(parts.pipelineControl, authenticate),
    },
    {
      method: "PUT",
      path: "/admin/pipeline",
      summary: "Send claims through Kafka, through Redis alone, or a percentage of the users through Redis",
      tag: "admin",
      security: "operator",
      body: PipelineChange,
      answers: { 200: PipelineView },
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "KAFKA_REQUIRED", ...DATABASE],
      handler: switchPipelineRoute(parts.pipelineControl, authenticate),
    },
    ...deadLetterEndpoints(parts.deadLetterControl, authenticate),
    ...sagaEndpoints(parts.sagaControl, authenticate),
    ...catalogueEndpoints(parts.catalogue, authenticate),
    ...paymentEndpoints(parts.webhooks),
    ...orderEndpoints(parts.orders, authenticate),
    machine("/health/live", "The process answers", liveRoute, { 200: Liveness }),
    {
      ...machine("/health/ready", "Whether claims can be taken", parts.ready, { 200: Readiness, 503: Readiness }),
      meanings: {
        200: "Claims can be taken; `degraded`: without Kafka or PostgreSQL, for which they wait in Redis",
        503: "Send no requests here: `not ready` without Redis or with a database that refuses the gateway, `stopping` before the end",
      },
    },
    machine(
      "/metrics",
      "Prometheus metrics",
      async () => ({
        status: 200,
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        body: await parts.metrics(),
      }),
      { 200: null },
    ),
  ];
  return [...endpoints, ...documentation(endpoints)].map(withCheckedQuery);
}

function documentation(endpoints: readonly Endpoint[]): Endpoint[] {
  const schemas = [
    ClaimAccepted,
    ClaimPending,
    RequestStatus,
    Sale,
    SaleList,
    MyCoupon,
    MyCoupons,
    CreateSale,
    PipelineChange,
    PipelineView,
    SagaChange,
    SagaView,
    ResizeSale,
    RevokeClaim,
    ClaimRevoked,
    StepView,
    OrderSummary,
    DeadLetter,
    DeadLetterAction,
  ];
  const openapi = json(200, openApi(endpoints, schemas));
  const asyncapi = json(200, asyncApi());
  const page = {
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'self'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    },
    body: DOCS_PAGE,
  };
  const at = (path: string, summary: string, answer: typeof openapi): Endpoint => ({
    method: "GET",
    path,
    summary,
    tag: "docs",
    security: "none",
    answers: { 200: null },
    refusals: [],
    handler: () => answer,
  });
  return [
    at("/openapi.json", "This API as OpenAPI 3.1", openapi),
    at("/asyncapi.json", "The socket and the topics as AsyncAPI 3.0", asyncapi),
    at("/docs", "Both, for reading", page),
  ];
}
