import { type MyCoupon, MyCoupons } from "../../contracts/claims/http.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** A user's coupons from PostgreSQL, newest first. */
export type ListMyCoupons = (
  userId: UserId,
  cursor: string | null,
  limit: number,
) => Promise<{ items: readonly MyCoupon[]; nextCursor: string | null }>;

/** GET /me/coupons */
export const myCoupons = (list: ListMyCoupons): Endpoint =>
  endpoint({
    method: "GET",
    path: "/me/coupons",
    operationId: "listMyCoupons",
    summary: "The caller's coupons, newest first",
    tag: "me",
    audience: "public",
    caller: "user",
    cost: "list",
    body: "none",
    query: PageQuery,
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: MyCoupons },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ caller, query: { cursor, limit } }) => json(200, await list(caller.userId, cursor ?? null, limit)),
  });
