import { OrderView } from "../../contracts/orders/http.ts";
import { orderView } from "../../contracts/orders/view.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { FindOrder } from "./find-order.ts";

/** GET /orders/:orderId, by id or number */
export const showOrder = (find: FindOrder): Endpoint =>
  endpoint({
    method: "GET",
    path: "/orders/:orderId",
    operationId: "getOrder",
    summary: "One of the caller's orders, by its id or number, step by step",
    tag: "orders",
    audience: "public",
    caller: "user",
    alsoForOperators: true,
    cost: "read",
    body: "none",
    idempotency: "none",
    cache: "no-store",
    audit: true,
    answers: { 200: OrderView },
    refusals: ["ORDER_NOT_FOUND", "REDIS_UNAVAILABLE", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const found = await find(call.params.orderId!, call.caller);
      return found === null ? call.refuse("ORDER_NOT_FOUND") : json(200, orderView(found));
    },
  });
