import type { TObject, TSchema } from "@sinclair/typebox";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Handler, Method, Route } from "../transports/transport.ts";
import { checkParameters } from "./page.ts";

/** A route with what its documentation needs; /openapi.json is made from these and from nothing else. */
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
  /** Header → schema, of those that belong to this call. */
  readonly headers?: Readonly<Record<string, TSchema>>;
  /** Status → schema of the body; null: the body is not JSON. */
  readonly answers: Readonly<Record<number, TSchema | null>>;
  /** Status → what it means here, where the summary does not say so already. */
  readonly meanings?: Readonly<Record<number, string>>;
  /** Refusals this route gives beyond those every route can give. */
  readonly refusals: readonly ResultCode[];
  readonly handler: Handler;
}

/** The endpoint with its query checked before anything else is done: it takes what its schema names, and nothing more. */
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
