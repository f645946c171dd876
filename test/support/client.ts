import { signToken } from "../../cli/token/sign.ts";
import type { Sale } from "../../contracts/claims/http.ts";
import type { StackEnv } from "../../stack/service.ts";
import { recorded } from "../history/recorded-call.ts";

/** One answer of the public API. `body` is parsed JSON, or the text of what is none. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects in it
  readonly body: any;
}

export interface CallOptions {
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  /** How long it waits for the answer. Default a minute: a gateway that needs longer has lost it. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 60_000;

/** One HTTP call; claims and what belongs to them stand in the history. @throws what fetch throws when the connection breaks */
export function call(url: string, options: CallOptions = {}): Promise<ApiAnswer> {
  const { token, json, method = json === undefined ? "GET" : "POST" } = options;
  return recorded({ method, url, token, json }, () => send(url, method, options));
}

async function send(url: string, method: string, options: CallOptions): Promise<ApiAnswer> {
  const { token, json, headers = {}, patienceMs = PATIENCE_MS } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    signal: AbortSignal.timeout(patienceMs),
  });
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export const claim = (url: string, couponId: string, token: string): Promise<ApiAnswer> =>
  call(`${url}/coupons/${couponId}/issue`, { method: "POST", token });

export interface TokenOptions {
  readonly role?: string;
  readonly operatorRole?: string;
  readonly jti?: string;
  readonly expiresInS?: number;
  readonly iss?: string;
  readonly aud?: string;
  readonly secret?: string;
}

/** Makes tokens as the gateway of `env` accepts them, or (with options) does not. */
export function tokenMaker(env: StackEnv) {
  return (userId: string, options: TokenOptions = {}): string =>
    signToken(options.secret ?? env.JWT_SECRET, {
      sub: userId,
      iss: options.iss ?? env.JWT_ISSUER!,
      aud: options.aud ?? env.JWT_AUDIENCE!,
      role: options.role,
      operator_role: options.operatorRole,
      ...(options.jti === undefined ? {} : { jti: options.jti }),
      expiresInS: options.expiresInS ?? 3600,
    });
}
export type TokenMaker = ReturnType<typeof tokenMaker>;

export interface SaleOptions {
  readonly total: number;
  /** Milliseconds from now; default: it has begun. */
  readonly startsInMs?: number;
  readonly endsInMs?: number;
  readonly name?: string;
  readonly issueMode?: "DIRECT" | "QUEUED";
}

/** The body of POST /admin/coupons. */
export function saleTerms({
  total,
  startsInMs = -1_000,
  endsInMs = 3_600_000,
  name = "test",
  issueMode = "DIRECT",
}: SaleOptions) {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const window = { startsAt: at(startsInMs), endsAt: at(endsInMs) };
  return { name, total, ...window, issueMode, discountType: "FIXED", discountValue: 100 };
}

/** Creates a sale as an operator does. @throws Error if that is refused */
export async function createSale(url: string, operator: string, wish: SaleOptions): Promise<Sale> {
  const { status, body } = await call(`${url}/admin/coupons`, { token: operator, json: saleTerms(wish) });
  if (status !== 201) throw new Error(`the sale was answered ${status}: ${JSON.stringify(body)}`);
  return body;
}
