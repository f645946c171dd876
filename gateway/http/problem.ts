import { claimRefusal, isClaimRefusal } from "../../contracts/claims/refusals.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { RESULTS, type ResultCode } from "../../contracts/wire/result-codes.ts";
import type { HttpResponse } from "../transports/transport.ts";
import { newHttpRequestId } from "./request-id.ts";

/** Default of `Retry-After` in seconds. The refusals of a claim have theirs in the table of refusals. */
const RETRY_AFTER_S: Partial<Record<ResultCode, number>> = {
  TOO_MANY_ORDERS: 5,
  REDIS_UNAVAILABLE: 2,
  DATABASE_UNAVAILABLE: 2,
  SHUTTING_DOWN: 1,
  TOO_MANY_SOCKETS: 5,
  KEYS_UNAVAILABLE: 5,
};

function retryAfterS(code: ResultCode): number | undefined {
  return (isClaimRefusal(code) ? claimRefusal(code).retryAfterS : undefined) ?? RETRY_AFTER_S[code];
}

interface Prepared {
  readonly status: number;
  readonly start: string;
  /** The same, but `retryable` false. */
  readonly finalStart: string;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

// One prepared document per code: a refusal from memory is two string concatenations.
const prepared = new Map<ResultCode, Prepared>();
for (const [name, { status, retryable, title }] of Object.entries(RESULTS)) {
  const code = name as ResultCode;
  const members = { type: `urn:stampede:problem:${code}`, title, status, code, retryable };
  const wait = retryAfterS(code);
  prepared.set(code, {
    status,
    start: JSON.stringify(members).slice(0, -1),
    finalStart: JSON.stringify({ ...members, retryable: false }).slice(0, -1),
    detail: JSON.stringify(title),
    // Frozen: the transport keeps the native form of headers that can't change.
    headers: Object.freeze({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(wait === undefined ? {} : { "retry-after": String(wait) }),
      ...(status === 401 ? { "www-authenticate": 'Bearer realm="stampede"' } : {}),
    }),
  });
}

export interface ProblemOptions {
  readonly detail?: string | undefined;
  readonly retryAfterS?: number | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** false: the same request fails again, whatever the code's table says. */
  readonly retryable?: boolean;
  /** The HTTP request's id; without it a new one. */
  readonly requestId?: string;
}

/** An RFC 9457 answer for a code; `requestId` in it is the HTTP request's. */
export function problem(code: ResultCode, options?: ProblemOptions): HttpResponse {
  const base = prepared.get(code)!;
  if (options === undefined) {
    const body = `${base.start},"detail":${base.detail},"requestId":"${newHttpRequestId()}"}`;
    return { status: base.status, headers: base.headers, body };
  }
  const detail = options.detail === undefined ? base.detail : JSON.stringify(options.detail);
  const extra = options.extra === undefined ? "" : `,${JSON.stringify(options.extra).slice(1, -1)}`;
  const wait = options.retryAfterS;
  const id = options.requestId ?? newHttpRequestId();
  return {
    status: base.status,
    headers:
      wait === undefined && options.headers === undefined ? base.headers : headersOf(base, wait, options.headers),
    body: `${options.retryable === false ? base.finalStart : base.start},"detail":${detail},"requestId":"${id}"${extra === "," ? "" : extra}}`,
  };
}

const headersOf = ({ headers }: Prepared, wait: number | undefined, more: ProblemOptions["headers"]) => ({
  ...headers,
  ...(wait === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(wait))) }),
  ...more,
});

/** Errors that a bug throws when a request is not what the code expects: the same request fails again. */
const OUR_MISTAKE = [TypeError, RangeError, SyntaxError, ReferenceError];

/** The answer for an error that a handler threw. Every error except a StampedeError is INTERNAL, without details. */
export function problemOf(error: unknown, requestId = newHttpRequestId()): HttpResponse {
  if (!(error instanceof StampedeError)) {
    const isOurs = OUR_MISTAKE.some((kind) => error instanceof kind);
    return problem("INTERNAL", isOurs ? { retryable: false, requestId } : { requestId });
  }
  const { code, message, retryAfterS, extra, retryable } = error;
  const detail = code === "INTERNAL" ? undefined : message; // for the log; a client cannot use it
  return problem(code, { detail, retryAfterS, extra, retryable, requestId });
}

const JSON_HEADERS = Object.freeze({ "content-type": "application/json", "cache-control": "no-store" });

/** A JSON answer that no cache keeps. */
export function json(status: number, body: unknown): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(body) };
}
