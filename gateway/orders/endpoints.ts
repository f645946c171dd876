import { CancelAccepted, OrderAccepted, OrderList, OrderView, PlaceOrder } from "../../contracts/orders/http.ts";
import { IdempotencyKeySchema } from "../../contracts/orders/ids.ts";
import type { Authenticate } from "../auth/hs256.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { type Cancelling, cancelOrderRoute } from "./cancel-order.ts";
import { AllOrdersQuery, allOrdersRoute, type ListOrders, myOrdersRoute } from "./list-orders.ts";
import { type ObserveOrder, placeOrderRoute } from "./order-route.ts";
import type { PlaceOrderFor } from "./place-order.ts";
import { showOrderRoute } from "./show-order.ts";

export interface OrderParts {
  readonly place: PlaceOrderFor;
  readonly cancelling: Cancelling;
  readonly list: ListOrders;
  readonly observe: ObserveOrder;
}

const AWAY = ["REDIS_UNAVAILABLE", "DATABASE_UNAVAILABLE"] as const;

/** Orders: part of the route table (app.ts). */
export function orderEndpoints(
  { place, cancelling, list, observe }: OrderParts,
  authenticate: Authenticate,
): Endpoint[] {
  return [
    {
      method: "POST",
      path: "/orders",
      summary:
        "Order products, or the cart; a repeat under the same Idempotency-Key is the same order. Every 503 names the key (also one that the gateway made) and the order: repeat the request under that key",
      tag: "orders",
      security: "user",
      body: PlaceOrder,
      headers: { "Idempotency-Key": IdempotencyKeySchema },
      answers: { 202: OrderAccepted },
      refusals: [
        "UNSUPPORTED_MEDIA_TYPE",
        "IDEMPOTENCY_KEY_INVALID",
        "IDEMPOTENCY_KEY_REUSED",
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
        ...AWAY,
      ],
      handler: placeOrderRoute(place, authenticate, observe),
    },
    {
      method: "GET",
      path: "/orders/:orderId",
      summary: "One of the caller's orders, by its id or number, step by step",
      tag: "orders",
      security: "user",
      answers: { 200: OrderView },
      refusals: ["ORDER_NOT_FOUND", ...AWAY],
      handler: showOrderRoute(cancelling.find, authenticate),
    },
    {
      method: "POST",
      path: "/orders/:orderId/cancel",
      summary: "Request that an order is cancelled, which is possible until it is paid",
      tag: "orders",
      security: "user",
      answers: { 202: CancelAccepted },
      refusals: ["ORDER_NOT_FOUND", "FORBIDDEN", "ORDER_NOT_CANCELLABLE", "OUTCOME_UNKNOWN", ...AWAY],
      handler: cancelOrderRoute(cancelling, authenticate),
    },
    {
      method: "GET",
      path: "/me/orders",
      summary: "The caller's orders from the moment they were accepted, newest first",
      tag: "me",
      security: "user",
      query: PageQuery,
      answers: { 200: OrderList },
      refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
      handler: myOrdersRoute(list, authenticate),
    },
    {
      method: "GET",
      path: "/admin/orders",
      summary: "All orders, or one user's, newest first",
      tag: "admin",
      security: "operator",
      query: AllOrdersQuery,
      answers: { 200: OrderList },
      refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
      handler: allOrdersRoute(list, authenticate),
    },
  ];
}
