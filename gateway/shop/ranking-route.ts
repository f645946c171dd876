import { RankingQuery } from "../../contracts/shop/http-catalogue.ts";
import { queryOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { ReadRanking } from "./ranking.ts";

/** GET /products/ranking */
export function rankingRoute(read: ReadRanking): Handler {
  return async (request) => {
    const { period, limit } = queryOf(RankingQuery, request);
    return json(200, await read(period, limit));
  };
}
