import { MyPoints } from "../../contracts/shop/http-points.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** A user's balance, and a page of its history. */
export type ListMyPoints = (userId: UserId, cursor: string | null, limit: number) => Promise<MyPoints>;

/** GET /me/points */
export const showPoints = (list: ListMyPoints): Endpoint =>
  endpoint({
    method: "GET",
    path: "/me/points",
    operationId: "listMyPoints",
    summary: "The caller's points and their history, newest first",
    tag: "me",
    audience: "public",
    caller: "user",
    cost: "list",
    body: "none",
    query: PageQuery,
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: MyPoints },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ caller, query: { cursor, limit } }) => json(200, await list(caller.userId, cursor ?? null, limit)),
  });
