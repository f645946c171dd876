import { type Endpoint, endpoint } from "../http/endpoint.ts";

/** GET /metrics */
export const showMetrics = (text: () => Promise<string>): Endpoint =>
  endpoint({
    method: "GET",
    path: "/metrics",
    operationId: "getMetrics",
    summary: "Prometheus metrics",
    tag: "machines",
    audience: "machine",
    caller: "anyone",
    cost: "free",
    body: "none",
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: null },
    refusals: [],
    handle: async () => ({
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      body: await text(),
    }),
  });
