import type { Static, TObject, TSchema } from "@sinclair/typebox";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Identity } from "../auth/identity.ts";
import type { OperatorRole } from "../auth/roles.ts";
import type { HttpResponse, Method } from "../transports/transport.ts";
import type { ProblemOptions } from "./problem.ts";

/** Which listener has the route: customers and shops, operators, or machines (load balancers, Prometheus). */
export type Audience = "public" | "operator" | "machine";

/** Who may call: anyone without a token, a user with a token, or an operator who has at least this role. */
export type Caller = "anyone" | "user" | OperatorRole;

/** Whether only operators may call. */
export const isForOperators = (caller: Caller): caller is OperatorRole => caller !== "anyone" && caller !== "user";

/**
 * What a call costs its caller (admission/costs.ts has the tokens). `free`: a few bytes from memory, not limited; `read`: one look-up;
 * `list`: a page of rows, or a large document; `write`: a change of the caller's own; `claim`: a claim or an order.
 */
export type CostClass = "free" | "read" | "list" | "write" | "claim";

/** Whether a call waits for its turn among the reads: customers' reads must not take the connections of claims and operators. */
export const isQueued = ({
  audience,
  cost,
  fromMemory,
}: Pick<Declaration, "audience" | "cost" | "fromMemory">): boolean =>
  audience === "public" && (cost === "read" || cost === "list") && fromMemory !== true;

/**
 * How the body is read. A schema: a JSON object of it. `empty`: nothing, or an object without members (a client that sends a member
 * expects an effect that this call does not have). `none`: never read. `optional`: nothing, or a JSON object. `bytes`: handed over
 * as it came, because a signature covers it; the schema is for the documents.
 */
export type BodyRule = "none" | "empty" | TObject | { readonly optional: TObject } | { readonly bytes: TObject };

type BodyOf<B extends BodyRule> = B extends { readonly optional: infer T extends TObject }
  ? Static<T> | undefined
  : B extends { readonly bytes: TObject }
    ? Uint8Array
    : B extends TObject
      ? Static<B>
      : undefined;
type QueryOf<Q> = Q extends TObject ? Static<Q> : undefined;

/** How a repeat is kept from happening twice: by the header Idempotency-Key, by the call's nature, or not at all (reads). */
export type Idempotency = "key" | "natural" | "none";

/** What a route is. The wrapper enforces it, and the documents are made from it. */
export interface Declaration {
  readonly method: Method;
  readonly path: string;
  /** The name of the call in the API, in metrics and in the audit log. */
  readonly operationId: string;
  readonly summary: string;
  readonly tag: "claims" | "sales" | "catalogue" | "cart" | "orders" | "me" | "admin" | "machines" | "docs";
  readonly audience: Audience;
  readonly caller: Caller;
  /** A `user` endpoint that operators may call too, with the rights of their role. */
  readonly alsoForOperators?: true;
  readonly cost: CostClass;
  /** A read that neither Redis nor PostgreSQL is asked for, or for many requests at once only. It never waits for its turn. */
  readonly fromMemory?: true;
  readonly body: BodyRule;
  /** Bytes; default: the gateway's MAX_BODY_BYTES. */
  readonly bodyLimit?: number;
  readonly query?: TObject;
  /** Header → schema, for further headers of this call. Names in lower case. */
  readonly headers?: Readonly<Record<string, TSchema>>;
  readonly idempotency: Idempotency;
  /** Seconds for which anybody may keep a successful answer; `no-store`: nobody may. */
  readonly cache: "no-store" | { readonly seconds: number };
  /**
   * Whether calls of operators stand in the audit log, with their outcome. All calls do that need an operator's role, others'
   * refused ones too.
   */
  readonly audit: boolean;
  /** Of what the path names, if the audit log calls it by more than its id: `<prefix>:<id>`. */
  readonly auditPrefix?: string;
  /** Status → schema of the body; null: the body is not JSON. */
  readonly answers: Readonly<Record<number, TSchema | null>>;
  /** Status → its meaning here, if the summary does not say it. */
  readonly meanings?: Readonly<Record<number, string>>;
  /** The route's refusals besides those that follow from the declaration. */
  readonly refusals: readonly ResultCode[];
}

/** One call of an endpoint, as its `handle` sees it: checked, and with the caller's identity. */
export interface Call<B extends BodyRule = BodyRule, Q = TObject | undefined, C extends Caller = Caller> {
  /** The id of this HTTP request; it stands in refusals, log lines and the audit log. */
  readonly id: string;
  readonly caller: C extends "anyone" ? null : Identity;
  readonly params: Readonly<Record<string, string>>;
  readonly query: QueryOf<Q>;
  readonly body: BodyOf<B>;
  /** null: the header was not sent. Only of endpoints with `idempotency: "key"`. */
  readonly idempotencyKey: string | null;
  /** W3C's trace context, if the client sent a valid one. */
  readonly traceparent: string | undefined;
  /** One of the declared headers. */
  header(name: string): string | undefined;
  /** A refusal with this request's id. */
  refuse(code: ResultCode, options?: ProblemOptions): HttpResponse;
}

export interface EndpointSpec<B extends BodyRule, Q extends TObject | undefined, C extends Caller> extends Declaration {
  readonly caller: C;
  readonly body: B;
  readonly query?: Q & TObject;
  /** @throws StampedeError for a refusal: the wrapper makes a problem document of it */
  handle(call: Call<B, Q, C>): HttpResponse | Promise<HttpResponse>;
}
