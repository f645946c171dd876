import { Type } from "@sinclair/typebox";
import type { OrderList } from "../../contracts/orders/http.ts";
import { type UserId, UserIdSchema } from "../../contracts/wire/ids.ts";
import { identify, identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { PageQuery, pageOf, queryOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

/** Orders, newest first: of one user from their acceptance on (own-orders.ts), or of all users (null) as soon as PostgreSQL has them. */
export type ListOrders = (userId: UserId | null, cursor: string | null, limit: number) => Promise<OrderList>;

/** GET /me/orders */
export function myOrdersRoute(list: ListOrders, authenticate: Authenticate): Handler {
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const { cursor, limit } = pageOf(request);
    return json(200, await list(userId, cursor, limit));
  };
}

export const AllOrdersQuery = Type.Object({
  ...PageQuery.properties,
  userId: Type.Optional(UserIdSchema),
});

/** GET /admin/orders */
export function allOrdersRoute(list: ListOrders, authenticate: Authenticate): Handler {
  return async (request) => {
    identifyOperator(request, authenticate);
    const { cursor, limit, userId } = queryOf(AllOrdersQuery, request);
    return json(200, await list(userId ?? null, cursor ?? null, limit));
  };
}
