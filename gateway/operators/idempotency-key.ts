import { isIdempotencyKey } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest } from "../transports/transport.ts";

/** The header Idempotency-Key, null if there is none. Before the first await. @throws StampedeError IDEMPOTENCY_KEY_INVALID */
export function idempotencyKey(request: HttpRequest): string | null {
  const key = request.header("idempotency-key");
  if (key === undefined) return null;
  if (isIdempotencyKey(key)) return key;
  throw new StampedeError("IDEMPOTENCY_KEY_INVALID", "Idempotency-Key: 1 to 128 visible ASCII characters");
}
