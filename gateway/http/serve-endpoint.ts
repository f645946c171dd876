import type { TObject } from "@sinclair/typebox";
import { isIdempotencyKey } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { readTraceparent } from "../../contracts/wire/traceparent.ts";
import { withinCall } from "../../db/settings/audited-call.ts";
import { bearerToken } from "../auth/bearer.ts";
import type { Identity } from "../auth/identity.ts";
import { mayAct } from "../auth/roles.ts";
import type { Handler, HttpRequest, HttpResponse } from "../transports/transport.ts";
import {
  type BodyRule,
  type Call,
  type Caller,
  type Declaration,
  type EndpointSpec,
  isForOperators,
  isQueued,
} from "./declaration.ts";
import type { CallRecord, Door } from "./door.ts";
import { type BodyReader, bodyReader } from "./json-body.ts";
import { checkParameters, queryOf } from "./page.ts";
import { type ProblemOptions, problem, problemOf } from "./problem.ts";
import { newHttpRequestId } from "./request-id.ts";

const NO_HEADERS: Readonly<Record<string, string | undefined>> = Object.freeze({});

/** A call on its way through the wrapper. Headers are copied at once, because a request has none after the first await. */
class OpenCall implements CallRecord {
  readonly id = newHttpRequestId();
  caller: Identity | null = null;
  query: unknown;
  body: unknown;
  idempotencyKey: string | null = null;
  readonly traceparent: string | undefined;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly #givenKey: string | undefined;
  readonly #headers: Readonly<Record<string, string | undefined>>;
  readonly #door: Pick<Door, "addressOf">;
  #address: string | undefined;

  constructor(
    readonly declaration: Declaration,
    readonly request: HttpRequest,
    door: Pick<Door, "addressOf">,
  ) {
    this.#door = door;
    const { method, caller, body, idempotency, headers } = declaration;
    if (caller !== "anyone") this.authorization = request.header("authorization");
    if (method !== "GET") this.traceparent = readTraceparent(request.header("traceparent"));
    if (body !== "none") this.contentType = request.header("content-type");
    if (idempotency === "key") this.#givenKey = request.header("idempotency-key");
    this.#headers =
      headers === undefined
        ? NO_HEADERS
        : Object.fromEntries(Object.keys(headers).map((name) => [name, request.header(name)]));
  }

  /** Copied when it is read; the first time must be before the first await, as with headers. */
  get address(): string {
    this.#address ??= this.#door.addressOf(this.request);
    return this.#address;
  }

  get params(): Readonly<Record<string, string>> {
    return this.request.params;
  }

  header(name: string): string | undefined {
    return this.#headers[name];
  }

  refuse(code: ResultCode, options?: ProblemOptions): HttpResponse {
    return problem(code, { ...options, requestId: this.id });
  }

  /** Takes the Idempotency-Key. @throws StampedeError IDEMPOTENCY_KEY_INVALID */
  takeKey(): void {
    const key = this.#givenKey;
    if (key === undefined) return;
    if (!isIdempotencyKey(key)) {
      throw new StampedeError("IDEMPOTENCY_KEY_INVALID", "Idempotency-Key: 1 to 128 visible ASCII characters");
    }
    this.idempotencyKey = key;
  }
}

/** The caller's identity; a promise if its signature must be verified first. @throws StampedeError UNAUTHENTICATED, and as Authenticate */
function identify({ authorization }: OpenCall, door: Door): Identity | Promise<Identity> {
  const token = bearerToken(authorization);
  if (token === undefined) throw new StampedeError("UNAUTHENTICATED", "Send `Authorization: Bearer <token>`");
  return door.authenticate(token);
}

/** An operator's user id may be the id of a customer where operators have an issuer apart. @throws StampedeError FORBIDDEN */
function checkRole({ caller, alsoForOperators }: Declaration, identity: Identity): void {
  if (caller === "user" && !identity.isCustomer && alsoForOperators !== true) {
    throw new StampedeError("FORBIDDEN", "An operator's token is not a customer's");
  }
  if (isForOperators(caller) && !mayAct(identity, caller)) {
    throw new StampedeError("FORBIDDEN", `Only operators with the role ${caller} may do this`);
  }
}

/** Serves one endpoint as it is declared: limits, identity, role, query, key and body, then its handler; the answer is written down. */
export function serveEndpoint<B extends BodyRule, Q extends TObject | undefined, C extends Caller>(
  spec: EndpointSpec<B, Q, C>,
  door: Door,
): Handler {
  const readBody: BodyReader | null = bodyReader(spec.body, spec.bodyLimit);
  /** Whether the audit log or the security log may want the address after the first await. */
  const refusesLate = spec.audit || spec.headers !== undefined;
  const known = Object.keys(spec.query?.properties ?? {});
  const handler = spec.handle as unknown as (call: Call | OpenCall) => HttpResponse | Promise<HttpResponse>;
  const audited = spec.audit ? (call: Call | OpenCall) => withinCall(call.id, () => handler(call)) : handler;
  const handle = isQueued(spec) ? (call: Call | OpenCall) => door.reads.run(() => audited(call)) : audited;

  function withIdentity(call: OpenCall, identity: Identity): HttpResponse | Promise<HttpResponse> {
    call.caller = identity;
    checkRole(spec, identity);
    door.admit(spec, call.request, identity);
    return checked(call);
  }

  function checked(call: OpenCall): HttpResponse | Promise<HttpResponse> {
    if (spec.query !== undefined) call.query = queryOf(spec.query, call.request);
    call.takeKey();
    return readBody === null ? handle(call) : withBody(call, readBody);
  }

  async function withBody(call: OpenCall, read: BodyReader): Promise<HttpResponse> {
    call.body = await read(call.request, call.contentType);
    return await handle(call);
  }

  function opened(call: OpenCall): HttpResponse | Promise<HttpResponse> {
    const { request } = call;
    if (refusesLate) void call.address;
    door.admit(spec, request, null);
    checkParameters(request.query, known);
    if (spec.caller === "anyone") return checked(call);
    const identity = identify(call, door);
    if (identity instanceof Promise) void call.address;
    return identity instanceof Promise ? identity.then((who) => withIdentity(call, who)) : withIdentity(call, identity);
  }

  function failed(call: OpenCall, error: unknown): HttpResponse {
    return door.answered(call, problemOf(error, call.id), error);
  }

  async function later(call: OpenCall, answer: Promise<HttpResponse>): Promise<HttpResponse> {
    let response: HttpResponse;
    try {
      response = await answer;
    } catch (error) {
      if (call.request.hungUp(error)) throw error; // no client reads an answer: the transport knows what to do
      return failed(call, error);
    }
    return door.answered(call, response);
  }

  return (request) => {
    const call = new OpenCall(spec, request, door);
    let answer: HttpResponse | Promise<HttpResponse>;
    try {
      answer = opened(call);
    } catch (error) {
      return failed(call, error);
    }
    return answer instanceof Promise ? later(call, answer) : door.answered(call, answer);
  };
}
