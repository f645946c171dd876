import { type Static, Type } from "@sinclair/typebox";
import { ClaimAccepted, ClaimPending, Problem, SALE_STATES, type SaleState } from "../claims/http.ts";
import { CLAIM_REFUSALS, TOLD_REFUSALS } from "../claims/refusals.ts";
import { OrderIdSchema, OrderNumberSchema, ProductIdSchema } from "../orders/ids.ts";
import { ORDER_STATUSES, type OrderStatus } from "../orders/steps.ts";
import { Timestamp } from "./date-time.ts";
import { CouponIdSchema, RequestIdSchema, UserIdSchema } from "./ids.ts";
import type { ResultCode } from "./result-codes.ts";

const Ref = Type.Optional(Type.String({ maxLength: 64, description: "Echoed in the answer, to tell answers apart" }));
const Cursor = Type.String({ maxLength: 64, description: "Position in the user's inbox; opaque" });

export const ClientMessages = {
  auth: Type.Object({ type: Type.Literal("auth"), token: Type.String({ maxLength: 4096 }) }),
  claim: Type.Object({ type: Type.Literal("claim"), couponId: Type.String({ maxLength: 64 }), ref: Ref }),
  /** The one message that needs no `auth`: a socket that only watches may stay without it. */
  subscribe: Type.Object(
    { type: Type.Literal("subscribe"), couponId: Type.String({ maxLength: 64 }), ref: Ref },
    { description: "Follows a sale. Needs no `auth`; a socket that follows a sale may stay without it." },
  ),
  /** Send it right after `auth` (or first, with Authorization on the upgrade): new messages wait one second for it. */
  resume: Type.Object(
    { type: Type.Literal("resume"), cursor: Type.Optional(Cursor) },
    {
      description:
        "Asks for everything after the last cursor that the client has (without a cursor: everything). Answered by `resumed` or " +
        "`resync`. An `error` before that says why it takes longer: it is tried again until it is answered, and nothing new is " +
        "sent meanwhile.",
    },
  ),
  ping: Type.Object({ type: Type.Literal("ping"), ref: Ref }),
} as const;

export const ClientMessage = Type.Union(Object.values(ClientMessages));
export type ClientMessage = Static<(typeof ClientMessages)[keyof typeof ClientMessages]>;

const IssuedCoupon = Type.Object({
  couponId: CouponIdSchema,
  requestId: RequestIdSchema,
  slot: Type.Integer(),
});

export const ServerMessages = {
  welcome: Type.Object(
    {
      type: Type.Literal("welcome"),
      userId: UserIdSchema,
      cursor: Cursor,
      now: Type.Unsafe<string>({
        ...Timestamp,
        description: "The time by the clock that decides claims; a countdown needs no clock of the client",
      }),
    },
    {
      description:
        "A client that has a cursor keeps it and sends `resume`; a client without one begins at this cursor.",
    },
  ),
  pong: Type.Object({ type: Type.Literal("pong"), ref: Ref }),
  subscribed: Type.Object({ type: Type.Literal("subscribed"), couponId: CouponIdSchema, ref: Ref }),
  /** With a slot, or (for a queued sale) PENDING; then `coupon.issued` or `coupon.failed` follows. */
  "claim.accepted": Type.Union([
    Type.Composite([Type.Object({ type: Type.Literal("claim.accepted"), ref: Ref }), ClaimAccepted], {}),
    Type.Composite([Type.Object({ type: Type.Literal("claim.accepted"), ref: Ref }), ClaimPending], {}),
  ]),
  "claim.refused": Type.Composite(
    [
      Type.Object({
        type: Type.Literal("claim.refused"),
        couponId: Type.String(),
        ref: Ref,
        retryAfterS: Type.Optional(Type.Integer({ minimum: 1 })),
      }),
      // Here `type` is the type of the message, and there is no HTTP request id.
      Type.Omit(Problem, ["type", "requestId"]),
    ],
    {
      description: TOLD_REFUSALS.map((code) => `\`${code}\`: ${CLAIM_REFUSALS[code].title}`).join("; "),
    },
  ),
  "coupon.issued": Type.Composite([
    Type.Object({ type: Type.Literal("coupon.issued"), cursor: Cursor, issuedAt: Type.String() }),
    IssuedCoupon,
  ]),
  "coupon.failed": Type.Object({
    type: Type.Literal("coupon.failed"),
    cursor: Cursor,
    couponId: CouponIdSchema,
    requestId: RequestIdSchema,
    reason: Type.Unsafe<ResultCode>(Type.String()),
  }),
  /** A stage of an order: it is being compensated, or it has ended. Never sent after a later stage. */
  "order.status": Type.Object({
    type: Type.Literal("order.status"),
    cursor: Cursor,
    orderId: OrderIdSchema,
    orderNumber: OrderNumberSchema,
    status: Type.Unsafe<"COMPENSATING" | "COMPLETED" | "CANCELLED">(
      Type.Union((["COMPENSATING", "COMPLETED", "CANCELLED"] as const).map((status) => Type.Literal(status))),
    ),
    reason: Type.Optional(Type.Unsafe<ResultCode>(Type.String({ description: "Why it is or was undone" }))),
    productId: Type.Optional(ProductIdSchema),
  }),
  /** The order was paid before the cancellation request was read: the order continues. */
  "order.cancel_refused": Type.Object({
    type: Type.Literal("order.cancel_refused"),
    cursor: Cursor,
    orderId: OrderIdSchema,
    orderNumber: OrderNumberSchema,
    reason: Type.Unsafe<ResultCode>(Type.String()),
  }),
  "sale.opened": Type.Object({ type: Type.Literal("sale.opened"), couponId: CouponIdSchema }),
  "sale.soldout": Type.Object({ type: Type.Literal("sale.soldout"), couponId: CouponIdSchema }),
  "sale.changed": Type.Object(
    {
      type: Type.Literal("sale.changed"),
      couponId: CouponIdSchema,
      state: Type.Unsafe<SaleState>(Type.String({ enum: [...SALE_STATES] })),
      remaining: Type.Union([Type.Integer(), Type.Null()], { description: "null while the sale is being recovered" }),
      startsAt: Timestamp,
      endsAt: Timestamp,
    },
    {
      description:
        "To those who sent `subscribe`: once after `subscribed`, then at most four times a second. Changes in between are left out; " +
        "the last one is always sent.",
    },
  ),
  resumed: Type.Object({ type: Type.Literal("resumed"), cursor: Cursor, messages: Type.Integer() }),
  resync: Type.Object({
    type: Type.Literal("resync"),
    cursor: Cursor,
    coupons: Type.Array(Type.Composite([IssuedCoupon, Type.Object({ status: Type.String() })])),
    nextCursor: Type.Union([Type.String(), Type.Null()], { description: "More at GET /me/coupons?cursor=" }),
    orders: Type.Array(
      Type.Object({
        orderId: OrderIdSchema,
        orderNumber: OrderNumberSchema,
        status: Type.Unsafe<OrderStatus>(Type.String({ enum: [...ORDER_STATUSES] })),
        reason: Type.Optional(Type.Unsafe<ResultCode>(Type.String({ description: "Why it is or was undone" }))),
      }),
      { description: "The newest orders; look first at those that were not final when the connection broke" },
    ),
    nextOrderCursor: Type.Union([Type.String(), Type.Null()], { description: "More at GET /me/orders?cursor=" }),
  }),
  error: Type.Object({
    type: Type.Literal("error"),
    code: Type.Unsafe<ResultCode>(Type.String()),
    detail: Type.String(),
    retryable: Type.Boolean(),
    ref: Ref,
  }),
} as const;

export type ServerMessage = Static<(typeof ServerMessages)[keyof typeof ServerMessages]>;
/** Messages in a user's inbox; the cursor is added when they are sent. */
export type PersonalMessage = Static<
  (typeof ServerMessages)["coupon.issued" | "coupon.failed" | "order.status" | "order.cancel_refused"]
>;

/** Stampede's WebSocket close codes (RFC 6455 leaves 4000–4999 to applications). */
export const CLOSE = {
  /** The gateway shuts down: connect again, to another process, and resume. */
  RECONNECT: 4000,
  AUTH_TIMEOUT: 4001,
  UNAUTHENTICATED: 4003,
  /** An operator blocked the user or the token: do not connect again. */
  BLOCKED: 4004,
  /** The client reads more slowly than messages arrive: connect again and resume. */
  SLOW_READER: 4008,
  TOO_MANY_SOCKETS: 4029,
  /** RFC 6455 7.4.1. */
  UNSUPPORTED_DATA: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
} as const;
