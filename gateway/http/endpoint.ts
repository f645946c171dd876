import type { TObject, TSchema } from "@sinclair/typebox";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Handler, Method, Route } from "../transports/transport.ts";
import { checkParameters } from "./page.ts";

/** A route with the data for its documentation; /openapi.json is made from these alone. */
export interface Endpoint extends Route {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly tag: "claims" | "sales" | "catalogue" | "cart" | "orders" | "me" | "admin" | "machines" | "docs";
  readonly security: "none" | "user" | "operator";
  readonly body?: TObject;
  readonly query?: TObject;
  /** The handler itself refuses parameters: reading the URL costs more than a refusal from memory may. */
  readonly checksQuery?: true;
  /** Header → schema, for the headers of this call. */
  readonly headers?: Readonly<Record<string, TSchema>>;
  /** Status → schema of the body; null: the body is not JSON. */
  readonly answers: Readonly<Record<number, TSchema | null>>;
  /** Status → its meaning here, if the summary does not say it. */
  readonly meanings?: Readonly<Record<number, string>>;
  /** The route's refusals besides those that every route can give. */
  readonly refusals: readonly ResultCode[];
  readonly handler: Handler;
}

/** The endpoint, which first refuses query parameters that its schema does not name. */
export function withCheckedQuery(endpoint: Endpoint): Endpoint {
  if (endpoint.checksQuery) return endpoint;
  const { handler } = endpoint;
  const known = Object.keys(endpoint.query?.properties ?? {});
  return {
    ...endpoint,
    handler(request) {
      checkParameters(request.query, known);
      return handler(request);
    },
  };
}
