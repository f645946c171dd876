import { OrderAccepted, PlaceOrder } from "../../contracts/orders/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { PlaceOrderFor } from "./place-order.ts";

/** Called for each answer: ACCEPTED, REPEATED, or why the order was refused. */
export type ObserveOrder = (code: ResultCode, seconds: number) => void;

const REFUSALS = [
  "PRODUCT_NOT_FOUND",
  "SOLD_OUT",
  "SHIPPING_NOT_SERVED",
  "CURRENCIES_DIFFER",
  "AMOUNT_OUT_OF_RANGE",
  "CART_EMPTY",
  "CART_CHANGED",
  "COUPON_NOT_FOUND",
  "COUPON_NOT_HELD",
  "COUPON_ALREADY_USED",
  "COUPON_EXPIRED",
  "MIN_ORDER_AMOUNT",
  "COUPON_WITHOUT_EFFECT",
  "POINTS_EXCEED_AMOUNT",
  "RATE_LIMITED",
  "OVERLOADED",
  "TOO_MANY_ORDERS",
  "OUTCOME_UNKNOWN",
  "KAFKA_UNAVAILABLE",
  "REDIS_UNAVAILABLE",
  "DATABASE_UNAVAILABLE",
] as const satisfies readonly ResultCode[];

/** POST /orders */
export const placeOrder = (place: PlaceOrderFor, observe: ObserveOrder): Endpoint =>
  endpoint({
    method: "POST",
    path: "/orders",
    operationId: "placeOrder",
    summary:
      "Order products, or the cart; a repeat under the same Idempotency-Key is the same order. Every 503 names the key (also one that the gateway made) and the order: repeat the request under that key",
    tag: "orders",
    audience: "public",
    caller: "user",
    cost: "claim",
    body: PlaceOrder,
    idempotency: "key",
    cache: "no-store",
    audit: false,
    answers: { 202: OrderAccepted },
    refusals: REFUSALS,
    async handle({ caller: { userId }, body, idempotencyKey, traceparent }) {
      const begun = performance.now();
      const answeredWith = (code: ResultCode) => observe(code, (performance.now() - begun) / 1_000);
      try {
        const answer = await place({ userId, idempotencyKey, body, traceparent });
        answeredWith(answer.repeat ? "REPEATED" : "ACCEPTED");
        const response = json(202, answer);
        return { ...response, headers: { ...response.headers, location: answer.trackingUrl } };
      } catch (error) {
        answeredWith(error instanceof StampedeError ? error.code : "INTERNAL");
        throw error;
      }
    },
  });
