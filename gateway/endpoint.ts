import type { TObject, TSchema } from "@sinclair/typebox";
import type { ResultCode } from "../contracts/result-codes.ts";
import type { Handler, Method, Route } from "./transports/transport.ts";

/** A route with what its documentation needs; /openapi.json is made from these and from nothing else. */
export interface Endpoint extends Route {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly tag: "claims" | "sales" | "catalogue" | "cart" | "orders" | "me" | "admin" | "machines" | "docs";
  readonly security: "none" | "user" | "operator";
  readonly body?: TObject;
  readonly query?: TObject;
  /** Header → schema, of those that belong to this call. */
  readonly headers?: Readonly<Record<string, TSchema>>;
  /** Status → schema of the body; null: the body is not JSON. */
  readonly answers: Readonly<Record<number, TSchema | null>>;
  /** Refusals this route gives beyond those every route can give. */
  readonly refusals: readonly ResultCode[];
  readonly handler: Handler;
}
