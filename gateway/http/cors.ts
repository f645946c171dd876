import type { HttpRequest, HttpResponse } from "../transports/transport.ts";
import { problem } from "./problem.ts";

type HeaderRecord = Readonly<Record<string, string>>;
type Answer = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

const METHODS = "GET, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS = "authorization, content-type, idempotency-key, if-none-match, traceparent";
const EXPOSED_HEADERS = "retry-after, etag, location";
/** Two hours: the longest that Chrome remembers a preflight. */
const MAX_AGE_S = 7_200;

const withVary = (headers: HeaderRecord | undefined): HeaderRecord => ({
  ...headers,
  vary: headers?.vary === undefined ? "origin" : `${headers.vary}, origin`,
});

/**
 * CORS for pages of other origins (ALLOWED_ORIGINS). Credentials are not allowed: a token is sent as `Authorization`, and there
 * are no cookies. Made only if there are allowed origins; without them no answer has a header of CORS.
 */
export class Cors {
  readonly #preflights = new Map<string, HttpResponse>();
  /** By identity of frozen headers and by origin, so that the transport's prepared form of them is found again. */
  readonly #prepared = new WeakMap<HeaderRecord, Map<string, HeaderRecord>>();
  readonly #refused = problem("ORIGIN_REFUSED");

  constructor(origins: ReadonlySet<string>) {
    for (const origin of origins) {
      const headers = {
        ...withVary(undefined),
        "access-control-allow-origin": origin,
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_HEADERS,
        "access-control-max-age": String(MAX_AGE_S),
      };
      this.#preflights.set(origin, { status: 204, headers: Object.freeze(headers) });
    }
  }

  /** The answer to a browser's preflight; undefined: the request is none. */
  preflight(request: HttpRequest): HttpResponse | undefined {
    if (request.method !== "OPTIONS" || request.header("access-control-request-method") === undefined) return undefined;
    const origin = request.header("origin");
    return origin === undefined ? undefined : (this.#preflights.get(origin) ?? this.#refused);
  }

  /** The handler, whose answers the request's origin may read. @param failed the answer for an error that it throws */
  wrap(handler: Answer, failed: (request: HttpRequest, error: unknown) => HttpResponse): Answer {
    const failure = (request: HttpRequest, origin: string | undefined, error: unknown): HttpResponse => {
      if (request.hungUp(error)) throw error; // the transport knows what to do
      return this.answer(origin, failed(request, error));
    };
    return (request) => {
      const origin = request.header("origin");
      if (origin === undefined) return this.#withVary(handler(request));
      try {
        const answer = handler(request);
        if (!(answer instanceof Promise)) return this.answer(origin, answer);
        return answer.then(
          (settled) => this.answer(origin, settled),
          (error) => failure(request, origin, error),
        );
      } catch (error) {
        return failure(request, origin, error);
      }
    };
  }

  #withVary(answer: HttpResponse | Promise<HttpResponse>): HttpResponse | Promise<HttpResponse> {
    return answer instanceof Promise
      ? answer.then((settled) => this.answer(undefined, settled))
      : this.answer(undefined, answer);
  }

  /** An answer with the headers for a page of this origin. */
  answer(origin: string | undefined, answer: HttpResponse): HttpResponse {
    const { headers } = answer;
    const allowed = origin !== undefined && this.#preflights.has(origin) ? origin : undefined;
    // What nobody may keep needs no `Vary`; most answers of this kind have no Origin, and stay as they are.
    if (allowed === undefined && headers?.["cache-control"] === "no-store") return answer;
    return { ...answer, headers: this.#headersFor(allowed, headers) };
  }

  #headersFor(origin: string | undefined, headers: HeaderRecord | undefined): HeaderRecord {
    if (headers === undefined || !Object.isFrozen(headers)) return this.#made(origin, headers);
    const key = origin ?? "";
    let byOrigin = this.#prepared.get(headers);
    if (byOrigin === undefined) {
      byOrigin = new Map();
      this.#prepared.set(headers, byOrigin);
    }
    let made = byOrigin.get(key);
    if (made === undefined) {
      made = Object.freeze(this.#made(origin, headers));
      byOrigin.set(key, made);
    }
    return made;
  }

  #made(origin: string | undefined, headers: HeaderRecord | undefined): HeaderRecord {
    const varied = withVary(headers);
    if (origin === undefined) return varied;
    return {
      ...varied,
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED_HEADERS,
    };
  }
}
