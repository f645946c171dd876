import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest } from "../transports/transport.ts";
import type { Authenticate, Identity } from "./hs256.ts";
import { mayAct, type OperatorRole } from "./roles.ts";

/** The token of an `Authorization: Bearer` header (the scheme is case-insensitive, RFC 9110 §11.1). */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined || header.length < 8) return undefined;
  if (header.charCodeAt(6) !== 0x20 || header.slice(0, 6).toLowerCase() !== "bearer") return undefined;
  return header.slice(7).trim();
}

/** The caller's identity. @throws StampedeError UNAUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED */
export function identify(request: HttpRequest, authenticate: Authenticate): Identity {
  const token = bearerToken(request.header("authorization"));
  if (token === undefined) throw new StampedeError("UNAUTHENTICATED", "Send `Authorization: Bearer <token>`");
  return authenticate(token);
}

/** As `identify`, for operators with that role only. @throws StampedeError FORBIDDEN too */
export function identifyOperator(
  request: HttpRequest,
  authenticate: Authenticate,
  role: OperatorRole = "admin",
): Identity {
  const identity = identify(request, authenticate);
  if (!mayAct(identity, role)) throw new StampedeError("FORBIDDEN", `Only operators with role ${role} may do this`);
  return identity;
}
