import { CLAIM_REFUSALS, SCRIPT_REFUSALS } from "../claims/refusals.ts";

/**
 * The one table of result codes. Lua scripts return them, SQL statements decide by them, and HTTP and WebSocket errors carry
 * them. No other part of the project defines one.
 *
 * `status`: the HTTP status of an answer with this code (0: never leaves the process). `retryable`: whether the same request
 * may succeed later without a change.
 */
export const RESULTS = {
  // A claim that was accepted, and why others are refused.
  ACCEPTED: { status: 202, retryable: false, title: "The claim was accepted" },
  ALREADY_WON: { status: 200, retryable: false, title: "This user already won this coupon" },
  ...CLAIM_REFUSALS,

  // Release, load, state and acknowledgement scripts.
  RELEASED: { status: 0, retryable: false, title: "The slot was freed" },
  NOT_HELD: { status: 0, retryable: false, title: "No such claim holds a slot" },
  LOADED: { status: 0, retryable: false, title: "The sale was loaded" },
  STALE_EPOCH: { status: 0, retryable: false, title: "The sale has a newer epoch" },
  STALE_RUN_ID: { status: 0, retryable: true, title: "The Redis server was restarted meanwhile" },
  CHANGED: { status: 0, retryable: false, title: "The sale's state was changed" },
  UNCHANGED: { status: 0, retryable: false, title: "The sale was in that state already" },
  FORGOTTEN: { status: 0, retryable: false, title: "The ended sale left Redis" },
  NOT_OVER: { status: 0, retryable: false, title: "The sale has not been over for long enough" },
  LEDGER_NOT_EMPTY: { status: 0, retryable: false, title: "The sale's ledger holds claims" },
  REQUESTS_WAIT: { status: 0, retryable: true, title: "Requests of the queued sale are not decided yet" },
  WINNERS_DIFFER: { status: 0, retryable: false, title: "Redis and PostgreSQL count other winners" },
  ACKNOWLEDGED: { status: 0, retryable: false, title: "The ledger entries were removed" },

  // Outcomes of persisting a claim.
  PERSISTED: { status: 0, retryable: false, title: "The claim was inserted" },
  REPEATED: { status: 0, retryable: false, title: "The same request had been persisted before" },
  ALIASED: { status: 0, retryable: false, title: "The user holds this coupon under an earlier request" },
  SLOT_TAKEN: { status: 0, retryable: false, title: "Another user holds this slot" },
  SLOT_BEYOND_TOTAL: { status: 0, retryable: false, title: "The slot lies outside 1..total" },
  EPOCH_PASSED: { status: 0, retryable: false, title: "The claim was decided before the sale was rebuilt" },
  SALE_LOADING: { status: 0, retryable: true, title: "The sale is being rebuilt" },
  TOMBSTONED: { status: 0, retryable: false, title: "The claim was given up" },
  REVOKED: { status: 0, retryable: false, title: "The claim was revoked" },

  // Why the gateway refuses an order, or why it is cancelled later.
  ORDER_NOT_FOUND: { status: 404, retryable: false, title: "No such order" },
  ORDER_NOT_CANCELLABLE: { status: 409, retryable: false, title: "The order can't be cancelled any more" },
  IDEMPOTENCY_KEY_INVALID: { status: 400, retryable: false, title: "The Idempotency-Key is not valid" },
  IDEMPOTENCY_KEY_REUSED: { status: 422, retryable: false, title: "The key was used with another body" },
  AMOUNT_OUT_OF_RANGE: { status: 422, retryable: false, title: "The amount is too large" },
  CURRENCIES_DIFFER: { status: 422, retryable: false, title: "The currencies differ" },
  POINTS_EXCEED_AMOUNT: { status: 422, retryable: false, title: "More points than there is left to pay" },
  CART_FULL: { status: 422, retryable: false, title: "The cart has as many lines as it may" },
  CART_CHANGED: { status: 409, retryable: true, title: "Another order took something out of the cart meanwhile" },
  TOO_MANY_ORDERS: { status: 429, retryable: true, title: "Too many of this user's orders are waiting" },
  CART_EMPTY: { status: 422, retryable: false, title: "The cart is empty" },
  PRODUCT_NOT_FOUND: { status: 404, retryable: false, title: "No such product" },
  INSUFFICIENT_STOCK: { status: 409, retryable: false, title: "Not enough in stock" },
  COUPON_NOT_HELD: { status: 422, retryable: false, title: "The user does not hold this coupon" },
  COUPON_ALREADY_USED: { status: 409, retryable: false, title: "The coupon was used for another order" },
  COUPON_EXPIRED: { status: 422, retryable: false, title: "The coupon has expired" },
  COUPON_WITHOUT_EFFECT: { status: 422, retryable: false, title: "The coupon takes nothing off this order" },
  MIN_ORDER_AMOUNT: { status: 422, retryable: false, title: "The order is below the coupon's minimum" },
  INSUFFICIENT_POINTS: { status: 422, retryable: false, title: "Not enough points" },
  PAYMENT_DECLINED: { status: 402, retryable: false, title: "The payment was declined" },
  PAYMENT_MISMATCH: { status: 402, retryable: false, title: "Another amount or currency was paid; it goes back" },
  SHIPPING_NOT_SERVED: { status: 422, retryable: false, title: "We don't ship there" },
  STEP_TIMED_OUT: { status: 504, retryable: true, title: "A step did not answer in time" },
  CANCELLED_BY_USER: { status: 409, retryable: false, title: "Cancelled by its owner" },
  CANCELLED_BY_OPERATOR: { status: 409, retryable: false, title: "Cancelled by an operator" },

  // Codes of HTTP and WebSocket answers only.
  REDIS_UNAVAILABLE: { status: 503, retryable: true, title: "Redis does not answer" },
  DATABASE_UNAVAILABLE: { status: 503, retryable: true, title: "The database does not answer" },
  SHUTTING_DOWN: { status: 503, retryable: true, title: "This gateway is shutting down" },
  TOO_MANY_SOCKETS: { status: 429, retryable: true, title: "Too many sockets" },
  UNAUTHENTICATED: { status: 401, retryable: false, title: "A bearer token is required" },
  TOKEN_INVALID: { status: 401, retryable: false, title: "The token is not valid" },
  TOKEN_EXPIRED: { status: 401, retryable: false, title: "The token has expired" },
  SIGNATURE_INVALID: { status: 401, retryable: false, title: "The signature is not valid" },
  SIGNATURE_EXPIRED: { status: 401, retryable: true, title: "The signature is too old" },
  TOKEN_REVOKED: { status: 401, retryable: false, title: "The token was blocked by an operator" },
  USER_BLOCKED: { status: 403, retryable: false, title: "The user was blocked by an operator" },
  TOO_MANY_BLOCKS: { status: 409, retryable: false, title: "Too many users and tokens are blocked" },
  GRANT_LIMIT: { status: 403, retryable: false, title: "The grant is beyond the operator's limit" },
  KEYS_UNAVAILABLE: { status: 503, retryable: true, title: "The keys of the token's issuer cannot be read now" },
  FORBIDDEN: { status: 403, retryable: false, title: "Not allowed" },
  ORIGIN_REFUSED: { status: 403, retryable: false, title: "The origin is not allowed" },
  REQUEST_NOT_FOUND: { status: 404, retryable: false, title: "No such request" },
  CLAIM_FAILED: { status: 409, retryable: false, title: "The claim failed" },
  DEAD_LETTER_NOT_FOUND: { status: 404, retryable: false, title: "No such dead letter" },
  DEAD_LETTER_DISCARDED: { status: 409, retryable: false, title: "The dead letter was discarded" },
  ROUTE_NOT_FOUND: { status: 404, retryable: false, title: "No such route" },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false, title: "Method not allowed" },
  INVALID_JSON: { status: 400, retryable: false, title: "The body is not JSON" },
  VALIDATION_FAILED: { status: 400, retryable: false, title: "The request is not valid" },
  BODY_TOO_LARGE: { status: 413, retryable: false, title: "The body is too large" },
  UPGRADE_REQUIRED: { status: 426, retryable: false, title: "This path speaks WebSocket" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, title: "The body must be application/json" },
  HEADERS_TOO_LARGE: { status: 431, retryable: false, title: "The headers are too large" },
  MESSAGE_INVALID: { status: 400, retryable: false, title: "The message is not valid" },
  MESSAGE_TOO_LARGE: { status: 413, retryable: false, title: "The message is too large" },
  AUTH_TIMEOUT: { status: 401, retryable: true, title: "The socket did not authenticate in time" },
  CONFLICT: { status: 409, retryable: false, title: "The change conflicts with the sale's state" },
  KAFKA_REQUIRED: { status: 409, retryable: false, title: "Claims must be acknowledged by Kafka" },
  INTERNAL: { status: 500, retryable: true, title: "Internal error" },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type ResultCode = keyof typeof RESULTS;

/** The codes that claim.lua returns. */
export const CLAIM_CODES = ["ACCEPTED", "ALREADY_WON", ...SCRIPT_REFUSALS] as const;
export type ClaimCode = (typeof CLAIM_CODES)[number];

/** Whether a text (from Lua, SQL or another process) is a code of the table. */
export function isResultCode(text: string): text is ResultCode {
  return Object.hasOwn(RESULTS, text);
}
