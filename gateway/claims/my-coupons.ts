import type { MyCoupon } from "../../contracts/claims/http.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { pageOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

/** A user's coupons from PostgreSQL, newest first. */
export type ListMyCoupons = (
  userId: UserId,
  cursor: string | null,
  limit: number,
) => Promise<{ items: readonly MyCoupon[]; nextCursor: string | null }>;

/** GET /me/coupons */
export function myCouponsRoute(list: ListMyCoupons, authenticate: Authenticate): Handler {
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const { cursor, limit } = pageOf(request);
    return json(200, await list(userId, cursor, limit));
  };
}
