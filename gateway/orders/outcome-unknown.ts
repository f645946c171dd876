import { StampedeError } from "../../contracts/wire/errors.ts";
import { RESULTS } from "../../contracts/wire/result-codes.ts";
import type { AskedOrder } from "./price-order.ts";

type Named = Pick<AskedOrder, "orderId" | "idempotencyKey">;

const howToRepeat =
  "repeat the request with the header Idempotency-Key set to this idempotencyKey and the same body: it is the same order, charged once";

/** The order may be executed although its outcome is unknown here. @param why a clause, e.g. "Redis did not answer" */
export const orderOutcomeUnknown = (why: string, cause?: unknown): StampedeError =>
  new StampedeError("OUTCOME_UNKNOWN", `${why}: the outcome is unknown, the order may be executed; ${howToRepeat}`, {
    cause,
  });

/**
 * Every 503 of an order names the key and the order, also a key that the gateway made because the client sent none. A client
 * that repeats the request under that key orders once, whatever happened to the first try.
 */
export function withKey(error: unknown, { orderId, idempotencyKey }: Named): unknown {
  if (!(error instanceof StampedeError) || RESULTS[error.code].status !== 503) return error;
  const { code, message, retryAfterS, extra, cause } = error;
  return new StampedeError(code, message, {
    cause,
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    extra: { ...extra, idempotencyKey, orderId },
  });
}
