import { Type } from "@sinclair/typebox";
import { OrderList } from "../../contracts/orders/http.ts";
import { type UserId, UserIdSchema } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** Orders, newest first: of one user from their acceptance on (own-orders.ts), or of all users (null) as soon as PostgreSQL has them. */
export type ListOrders = (userId: UserId | null, cursor: string | null, limit: number) => Promise<OrderList>;

const LIST = {
  method: "GET",
  cost: "list",
  body: "none",
  idempotency: "none",
  cache: "no-store",
  answers: { 200: OrderList },
  refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
} as const;

/** GET /me/orders */
export const listMyOrders = (list: ListOrders): Endpoint =>
  endpoint({
    ...LIST,
    path: "/me/orders",
    operationId: "listMyOrders",
    summary: "The caller's orders from the moment they were accepted, newest first",
    tag: "me",
    audience: "public",
    caller: "user",
    audit: false,
    query: PageQuery,
    handle: async ({ caller, query: { cursor, limit } }) => json(200, await list(caller.userId, cursor ?? null, limit)),
  });

const AllOrdersQuery = Type.Object({
  ...PageQuery.properties,
  userId: Type.Optional(UserIdSchema),
});

/** GET /admin/orders */
export const listAllOrders = (list: ListOrders): Endpoint =>
  endpoint({
    ...LIST,
    path: "/admin/orders",
    operationId: "listOrders",
    summary: "All orders, or one user's, newest first",
    tag: "admin",
    audience: "operator",
    caller: "viewer",
    audit: true,
    query: AllOrdersQuery,
    handle: async ({ query: { cursor, limit, userId } }) =>
      json(200, await list(userId ?? null, cursor ?? null, limit)),
  });
