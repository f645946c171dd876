import { type Static, Type } from "@sinclair/typebox";
import { OrderIdSchema } from "../orders/ids.ts";
import { Timestamp } from "../wire/date-time.ts";
import { CouponIdSchema, type RequestId, RequestIdSchema, UserIdSchema } from "../wire/ids.ts";
import { AmountSchema, CurrencySchema, MAX_MONEY } from "../wire/money.ts";
import { Page } from "../wire/page.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import { STORABLE, storableText, Why } from "../wire/text.ts";
import type { ReceiptKind } from "./receipt.ts";

const ShownTime = Type.String({ format: Timestamp.format!, examples: ["2027-01-01T12:00:00.000Z"] });

/** RFC 9457, plus a stable code and whether a retry helps. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Unsafe<ResultCode>(Type.String()),
    detail: Type.String(),
    retryable: Type.Boolean(),
    requestId: Type.String({ description: "Id of this HTTP request; the log line carries the same id" }),
    startsAt: Type.Optional(ShownTime),
    retryAt: Type.Optional(ShownTime),
    productId: Type.Optional(Type.String({ description: "Which of an order's products is sold out, or unknown" })),
    idempotencyKey: Type.Optional(
      Type.String({
        description:
          "In every 503 of POST /orders, also if the client sent no key: a request repeated under this key is the same order",
      }),
    ),
    orderId: Type.Optional(
      Type.String({
        description: "The order that the request creates or has created: GET /orders/{orderId} says which",
      }),
    ),
    trackingUrl: Type.Optional(Type.String({ description: "Of a claim whose outcome is unknown" })),
    smallestTotal: Type.Optional(
      Type.Integer({ description: "In a refused resize: the smallest total that is possible" }),
    ),
    smallestQuantity: Type.Optional(
      Type.Integer({
        description: "In a refused reduction of stock: the smallest (negative) quantity that is possible",
      }),
    ),
  },
  { $id: "Problem" },
);
export type Problem = Static<typeof Problem>;

/** `kafka`: the log acknowledged it; `ledger`: Redis holds it and the relay delivers it. */
export const Durability = Type.Union([Type.Literal("kafka"), Type.Literal("ledger")]);
export type Durability = Static<typeof Durability>;

const ClaimReceiptText = Type.String({
  description:
    "Says the same at every repeat. An HMAC, which the gateway alone can check; GET /coupons/requests/{requestId}/receipt gives one that everybody can check",
  examples: [
    "v2.hs256.2027-01.ACCEPTED.7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd.1768000000000.-.user-42.2kq1o0ZEg4PpBYmmmrT1T2oX8uQ1yB0m1J9o0cR1o3E",
  ],
});

export const ClaimAccepted = Type.Object(
  {
    requestId: RequestIdSchema,
    couponId: CouponIdSchema,
    slot: Type.Integer({ minimum: 1 }),
    status: Type.Literal("ACCEPTED"),
    durable: Durability,
    receipt: ClaimReceiptText,
    repeat: Type.Optional(Type.Literal(true)),
  },
  { $id: "ClaimAccepted" },
);
export type ClaimAccepted = Static<typeof ClaimAccepted>;

/** A claim of a queued sale: logged, decided later in the order of the log. `repeat`: the user has asked before. */
export const ClaimPending = Type.Object(
  {
    requestId: RequestIdSchema,
    couponId: CouponIdSchema,
    status: Type.Literal("PENDING"),
    durable: Type.Literal("kafka"),
    receipt: ClaimReceiptText,
    repeat: Type.Optional(Type.Literal(true)),
  },
  { $id: "ClaimPending" },
);
export type ClaimPending = Static<typeof ClaimPending>;

export const RequestStatus = Type.Object(
  {
    requestId: RequestIdSchema,
    couponId: CouponIdSchema,
    status: Type.Union(
      ["ACCEPTED", "PENDING", "ISSUED", "FAILED"].map((s) => Type.Literal(s as "ACCEPTED")),
    ) as never as ReturnType<typeof Type.Unsafe<"ACCEPTED" | "PENDING" | "ISSUED" | "FAILED">>,
    slot: Type.Optional(Type.Integer({ minimum: 1 })),
    reason: Type.Optional(Type.Unsafe<ResultCode>(Type.String())),
  },
  { $id: "RequestStatus" },
);
export type RequestStatus = Static<typeof RequestStatus>;

/** A receipt that everybody can check with the published keys (docs/receipts.md). */
export const ClaimReceipt = Type.Object(
  {
    requestId: Type.Unsafe<RequestId>({
      ...RequestIdSchema,
      description: "The request that the receipt is about: of an alias the original one",
    }),
    couponId: CouponIdSchema,
    kind: Type.Unsafe<ReceiptKind>(
      Type.String({
        enum: ["ACCEPTED", "PENDING", "ISSUED"],
        description:
          "ACCEPTED: the claim was granted; PENDING: the request of a queued sale was logged; ISSUED: stored",
      }),
    ),
    slot: Type.Optional(Type.Integer({ minimum: 1, description: "Only with ISSUED: until then it may change" })),
    keyId: Type.String({ description: "The `kid` of the key at /.well-known/stampede-receipts.json" }),
    receipt: Type.String({ description: "Signed with Ed25519; the same request in the same state gets the same text" }),
  },
  { $id: "ClaimReceipt" },
);
export type ClaimReceipt = Static<typeof ClaimReceipt>;

/** What a visitor sees of a sale. SCHEDULED: not started; CLOSED: by an operator; ENDED: by the clock. */
export const SALE_STATES = ["SCHEDULED", "OPEN", "SOLD_OUT", "PAUSED", "ENDED", "CLOSED", "RECOVERING"] as const;
export type SaleState = (typeof SALE_STATES)[number];

export const DiscountType = Type.Union([Type.Literal("FIXED"), Type.Literal("PERCENT")]);
export const IssueMode = Type.Union([Type.Literal("DIRECT"), Type.Literal("QUEUED")]);

/** LISTED: in `GET /coupons`. UNLISTED: only for those who know its id; it can be read and claimed like any other. */
export const Visibility = Type.Union([Type.Literal("LISTED"), Type.Literal("UNLISTED")]);
export type Visibility = Static<typeof Visibility>;

/** How many entries a sale's metadata may have; with the lengths below a list of 200 sales stays below a megabyte. */
export const MAX_METADATA = 16;
const MetadataValue = Type.Union([
  Type.String({ maxLength: 200, pattern: STORABLE }),
  Type.Number(),
  Type.Boolean(),
  Type.Null(),
]);
export const Metadata = Type.Record(Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" }), MetadataValue, {
  maxProperties: MAX_METADATA,
  additionalProperties: false,
  description: "An operator's own entries, for shops and pages; Stampede does not read them",
  examples: [{ campaign: "spring", priority: 2 }],
});
export type Metadata = Static<typeof Metadata>;

/** What a coupon takes off an order, and until when. After its sale has opened, only `validUntil` changes, and only to a later time. */
export const COUPON_TERMS = {
  discountType: DiscountType,
  discountValue: AmountSchema,
  maxDiscount: Type.Union([AmountSchema, Type.Null()]),
  minOrderAmount: AmountSchema,
  currency: CurrencySchema,
  validUntil: Type.Union([ShownTime, Type.Null()], {
    description: "Orders from this time on can't use it; null: no limit",
  }),
} as const;
export type CouponTermsView = { readonly [Name in keyof typeof COUPON_TERMS]: Static<(typeof COUPON_TERMS)[Name]> };

export const Sale = Type.Object(
  {
    id: CouponIdSchema,
    couponId: CouponIdSchema,
    name: Type.String(),
    total: Type.Integer(),
    remaining: Type.Union([Type.Integer(), Type.Null()], { description: "null while the sale is being recovered" }),
    state: Type.Unsafe<SaleState>(Type.String({ enum: [...SALE_STATES] })),
    startsAt: ShownTime,
    endsAt: ShownTime,
    issueMode: IssueMode,
    visibility: Visibility,
    metadata: Metadata,
    ...COUPON_TERMS,
  },
  { $id: "Sale" },
);
export type Sale = Static<typeof Sale>;

const Now = Type.Unsafe<string>({
  ...ShownTime,
  description:
    "When this was read, by the clock that decides claims. The answer may have been kept for a moment: add the response header `Age`, " +
    "in seconds, for a countdown",
});

/** A sale as it is shown to everybody. */
export const CurrentSale = Type.Object({ ...Sale.properties, now: Now }, { $id: "CurrentSale" });
export type CurrentSale = Static<typeof CurrentSale>;

export const SaleList = Type.Object({ items: Type.Array(Type.Ref(Sale)), ...Page, now: Now }, { $id: "SaleList" });
export type SaleList = Static<typeof SaleList>;

export const MyCoupon = Type.Object(
  {
    id: Type.String(),
    couponId: CouponIdSchema,
    name: Type.String(),
    requestId: RequestIdSchema,
    slot: Type.Integer(),
    status: Type.Union([Type.Literal("ACTIVE"), Type.Literal("USED"), Type.Literal("REVOKED")]),
    issuedAt: ShownTime,
    orderId: Type.Union([OrderIdSchema, Type.Null()], { description: "The order that uses it" }),
    ...COUPON_TERMS,
  },
  { $id: "MyCoupon" },
);
export type MyCoupon = Static<typeof MyCoupon>;
export const MyCoupons = Type.Object({ items: Type.Array(Type.Ref(MyCoupon)), ...Page }, { $id: "MyCoupons" });

/** Slots are a PostgreSQL integer and a Redis counter; the loader is sized for ten million in one sale. */
export const MAX_TOTAL = 10_000_000;

export const CreateSale = Type.Object(
  {
    name: storableText(200),
    total: Type.Integer({ minimum: 1, maximum: MAX_TOTAL }),
    startsAt: ShownTime,
    endsAt: ShownTime,
    issueMode: Type.Optional(IssueMode),
    discountType: DiscountType,
    discountValue: Type.Integer({ minimum: 1, maximum: MAX_MONEY }),
    maxDiscount: Type.Optional(AmountSchema),
    minOrderAmount: Type.Optional(AmountSchema),
    currency: Type.Optional(CurrencySchema),
    validUntil: Type.Optional(ShownTime),
    visibility: Type.Optional(Visibility),
    metadata: Type.Optional(Metadata),
  },
  { $id: "CreateSale", additionalProperties: false },
);
export type CreateSale = Static<typeof CreateSale>;

/** What an operator changes of a sale. A member that is left out stays as it is; `metadata` is replaced as a whole. */
export const EditSale = Type.Object(
  {
    name: Type.Optional(storableText(200)),
    metadata: Type.Optional(Metadata),
    visibility: Type.Optional(Visibility),
    endsAt: Type.Optional(
      Type.Unsafe<string>({ ...ShownTime, description: "Earlier or later than before, and in the future" }),
    ),
    validUntil: Type.Optional(
      Type.Union([ShownTime, Type.Null()], {
        description: "Once the sale has opened: only later than before, or null for no limit",
      }),
    ),
  },
  { $id: "EditSale", additionalProperties: false, minProperties: 1 },
);
export type EditSale = Static<typeof EditSale>;

export const RevokeClaim = Type.Object(
  {
    requestId: RequestIdSchema,
    why: Why,
  },
  { $id: "RevokeClaim", additionalProperties: false },
);
export type RevokeClaim = Static<typeof RevokeClaim>;

export const ClaimRevoked = Type.Object(
  {
    requestId: Type.Unsafe<RequestId>({
      ...RequestIdSchema,
      description: "The original request's id, if an alias was revoked",
    }),
    couponId: CouponIdSchema,
    userId: UserIdSchema,
    status: Type.Literal("REVOKED"),
    released: Type.Boolean({
      description: "true: the slot can be won again; false: it can be won again once the sale is loaded",
    }),
  },
  { $id: "ClaimRevoked" },
);
export type ClaimRevoked = Static<typeof ClaimRevoked>;

export const ResizeSale = Type.Object(
  { total: Type.Integer({ minimum: 1, maximum: MAX_TOTAL }) },
  { $id: "ResizeSale", additionalProperties: false },
);
export type ResizeSale = Static<typeof ResizeSale>;

export const UserRef = Type.Object({ userId: UserIdSchema });
