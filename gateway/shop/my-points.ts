import type { MyPoints } from "../../contracts/shop/http-points.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { pageOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

/** A user's balance, and a page of its history. */
export type ListMyPoints = (userId: UserId, cursor: string | null, limit: number) => Promise<MyPoints>;

/** GET /me/points */
export function myPointsRoute(list: ListMyPoints, authenticate: Authenticate): Handler {
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const { cursor, limit } = pageOf(request);
    return json(200, await list(userId, cursor, limit));
  };
}
