import type { TObject } from "@sinclair/typebox";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { BodyRule, Declaration } from "./declaration.ts";

/** Refusals that every route can give: unknown parameters, and faults of the server. */
const FOR_ALL: readonly ResultCode[] = ["VALIDATION_FAILED", "INTERNAL", "SHUTTING_DOWN"];
/** A path whose percent-encoding is malformed is no path. */
const FOR_PATH_PARAMETERS: readonly ResultCode[] = ["ROUTE_NOT_FOUND"];
const FOR_TOKENS: readonly ResultCode[] = [
  "UNAUTHENTICATED",
  "TOKEN_INVALID",
  "TOKEN_EXPIRED",
  "TOKEN_REVOKED",
  "USER_BLOCKED",
  "FORBIDDEN",
  "KEYS_UNAVAILABLE",
  "OVERLOADED",
];
const FOR_BODIES: readonly ResultCode[] = ["INVALID_JSON", "VALIDATION_FAILED", "BODY_TOO_LARGE"];
const FOR_KEYS: readonly ResultCode[] = ["IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_KEY_REUSED"];

/** The codes that an endpoint can answer with, by what it declares. */
export function codesOf({ path, audience, caller, cost, body, idempotency, refusals }: Declaration): Set<ResultCode> {
  const codes = new Set<ResultCode>([...refusals, ...FOR_ALL]);
  const add = (more: readonly ResultCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (path.includes(":")) add(FOR_PATH_PARAMETERS);
  if (audience === "public") add(["OVERLOADED"]); // too many connections, bodies or reads
  if (audience === "public" && cost !== "free") add(["RATE_LIMITED"]);
  if (caller !== "anyone") add(FOR_TOKENS);
  if (body !== "none") add(FOR_BODIES);
  if (body !== "none" && !isBytes(body)) add(["UNSUPPORTED_MEDIA_TYPE"]);
  if (idempotency === "key") add(FOR_KEYS);
  return codes;
}

const isBytes = (body: BodyRule): body is { readonly bytes: TObject } => typeof body === "object" && "bytes" in body;
