import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { SOCKET_TOKENS } from "../admission/costs.ts";
import type { LimitKind } from "../admission/refusal-log.ts";
import { overloaded, rateLimited } from "../admission/refused.ts";
import { bearerToken } from "../auth/bearer.ts";
import type { Authenticate, Identity } from "../auth/identity.ts";
import { problem, problemOf } from "../http/problem.ts";
import type { HttpRequest, HttpResponse } from "../transports/transport.ts";

/**
 * The refusal of a socket for which there is no room; undefined: there is. @param most open sockets
 * @param spend takes tokens of the address: 0, or the milliseconds to wait
 */
export function refuseUpgrade(
  open: number,
  most = Number.POSITIVE_INFINITY,
  spend: (tokens: number) => number,
  refused: (kind: LimitKind) => void,
): HttpResponse | undefined {
  if (open >= most) {
    refused("sockets");
    return problemOf(overloaded());
  }
  const wait = spend(SOCKET_TOKENS.open);
  return wait > 0 ? problemOf(rateLimited(wait)) : undefined;
}

const TOKEN_IN_URL = /(^|&)(access_)?token=/i;

/**
 * Checks an upgrade. Returns the identity of its Authorization header, or null if the first message will authenticate. A
 * promise: the token's signature is being verified, and the socket hears the outcome after it is open. A token in the URL is refused, not ignored, because URLs end up in access logs.
 */
export function checkUpgrade(
  request: HttpRequest,
  authenticate: Authenticate,
  allowedOrigins: ReadonlySet<string>,
  unsafe: (code: ResultCode) => void,
): { readonly identity: Identity | Promise<Identity> | null } | { readonly refuse: HttpResponse } {
  const refuse = (code: ResultCode, answer: HttpResponse) => {
    unsafe(code);
    return { refuse: answer };
  };
  const origin = request.header("origin");
  if (origin !== undefined && allowedOrigins.size > 0 && !allowedOrigins.has(origin)) {
    return refuse("ORIGIN_REFUSED", problem("ORIGIN_REFUSED"));
  }
  if (TOKEN_IN_URL.test(request.query)) {
    const detail = "A token must not be in the URL: send it as `Authorization`, or in the first message";
    return refuse("UNAUTHENTICATED", problem("UNAUTHENTICATED", { detail }));
  }
  const header = request.header("authorization");
  if (header === undefined) return { identity: null };
  const token = bearerToken(header);
  if (token === undefined) return refuse("UNAUTHENTICATED", problem("UNAUTHENTICATED"));
  try {
    const identity = authenticate(token);
    if (identity instanceof Promise) identity.catch(() => {}); // the client may be gone before anybody asks
    return { identity };
  } catch (error) {
    if (!(error instanceof StampedeError)) throw error;
    return refuse(error.code, problemOf(error));
  }
}
