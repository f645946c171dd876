import type { TSchema } from "@sinclair/typebox";
import { MyCoupon } from "../../contracts/claims/http.ts";
import { OrderSummary, StepView } from "../../contracts/orders/http.ts";
import { AuditLine } from "../../contracts/wire/audit.ts";
import { DeadLetter, DeadLetterAction } from "../../contracts/wire/dead-letters.ts";
import type { Audience, Declaration } from "../http/declaration.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { HttpResponse } from "../transports/transport.ts";
import { asyncApi } from "./asyncapi.ts";
import { openApi } from "./openapi.ts";
import { DOCS_PAGE } from "./page.ts";

/** Schemas that others name by `Type.Ref`. Those that an endpoint names itself are found through it. */
export const REFERENCED: readonly TSchema[] = [
  MyCoupon,
  StepView,
  OrderSummary,
  DeadLetter,
  DeadLetterAction,
  AuditLine,
];

const PAGE: HttpResponse = {
  status: 200,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'self'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
  },
  body: DOCS_PAGE,
};

/** The documents of these endpoints, and a page to read them. `withTopics`: also of the topics between the processes. */
export function documentEndpoints(
  endpoints: readonly Declaration[],
  audience: Audience,
  withTopics: boolean,
): Endpoint[] {
  const at = (path: string, operationId: string, summary: string, answer: HttpResponse): Endpoint =>
    endpoint({
      method: "GET",
      path,
      operationId,
      summary,
      tag: "docs",
      audience,
      caller: "anyone",
      cost: "list", // large
      fromMemory: true,
      body: "none",
      idempotency: "none",
      cache: "no-store",
      audit: false,
      answers: { 200: null },
      refusals: [],
      handle: () => answer,
    });
  return [
    at("/openapi.json", "getOpenApi", "This API as OpenAPI 3.1", json(200, openApi(endpoints, REFERENCED))),
    at(
      "/asyncapi.json",
      "getAsyncApi",
      withTopics ? "The socket and the topics as AsyncAPI 3.0" : "The socket as AsyncAPI 3.0",
      json(200, asyncApi(withTopics)),
    ),
    at("/docs", "getDocs", "Both, for reading", PAGE),
  ];
}
