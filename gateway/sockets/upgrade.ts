import { StampedeError } from "../../contracts/wire/errors.ts";
import { bearerToken } from "../auth/bearer.ts";
import type { Authenticate, Identity } from "../auth/hs256.ts";
import { problem, problemOf } from "../http/problem.ts";
import type { HttpRequest, HttpResponse } from "../transports/transport.ts";

const TOKEN_IN_URL = /(^|&)(access_)?token=/i;

/**
 * Whether an upgrade may go on: the identity of its Authorization header, or null to authenticate by the first message.
 * A token in the URL is refused rather than ignored: URLs end up in access logs, so the client must learn not to.
 */
export function checkUpgrade(
  request: HttpRequest,
  authenticate: Authenticate,
  allowedOrigins: ReadonlySet<string>,
): { readonly identity: Identity | null } | { readonly refuse: HttpResponse } {
  const origin = request.header("origin");
  if (origin !== undefined && allowedOrigins.size > 0 && !allowedOrigins.has(origin)) {
    return { refuse: problem("ORIGIN_REFUSED") };
  }
  if (TOKEN_IN_URL.test(request.query)) {
    const detail = "A token does not belong into a URL: send it as `Authorization`, or in the first message";
    return { refuse: problem("UNAUTHENTICATED", { detail }) };
  }
  const header = request.header("authorization");
  if (header === undefined) return { identity: null };
  const token = bearerToken(header);
  if (token === undefined) return { refuse: problem("UNAUTHENTICATED") };
  try {
    return { identity: authenticate(token) };
  } catch (error) {
    if (!(error instanceof StampedeError)) throw error;
    return { refuse: problemOf(error) };
  }
}
