import { Ranking, RankingQuery } from "../../contracts/shop/http-catalogue.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { ReadRanking } from "./ranking.ts";

/** GET /products/ranking */
export const showRanking = (read: ReadRanking): Endpoint =>
  endpoint({
    method: "GET",
    path: "/products/ranking",
    operationId: "getRanking",
    summary: "The best-selling products; at most a few seconds old",
    tag: "catalogue",
    audience: "public",
    caller: "anyone",
    cost: "list",
    body: "none",
    query: RankingQuery,
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: Ranking },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ query: { period, limit } }) => json(200, await read(period, limit)),
  });
