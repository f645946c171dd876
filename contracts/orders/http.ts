import { type Static, Type } from "@sinclair/typebox";
import { Durability } from "../claims/http.ts";
import { Timestamp } from "../wire/date-time.ts";
import { CouponIdSchema, UserIdSchema } from "../wire/ids.ts";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";
import { Page } from "../wire/page.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import { OrderIdSchema, OrderNumberSchema, type ProductId, ProductIdSchema } from "./ids.ts";
import { AMOUNTS, AskedPayment, AskedShipping, MAX_LINES, OrderLine, ProductQuantity } from "./parts.ts";
import { ORDER_STATUSES, type OrderStatus, STEP_STATUSES, STEPS, type Step, type StepStatus } from "./steps.ts";

/** POST /orders. Either `items` or `from: "cart"`; contracts/orders/request.ts checks that and merges repeated products. */
export const PlaceOrder = Type.Object(
  {
    items: Type.Optional(
      Type.Array(Type.Composite([ProductQuantity], { additionalProperties: false }), {
        minItems: 1,
        maxItems: MAX_LINES,
        description: "A product that is named twice becomes one line",
      }),
    ),
    from: Type.Optional(Type.Literal("cart", { description: "Orders what is in the caller's cart" })),
    couponId: Type.Optional(CouponIdSchema),
    pointsToUse: Type.Optional(MoneySchema),
    payment: Type.Optional(AskedPayment),
    shipping: Type.Optional(AskedShipping),
  },
  { $id: "PlaceOrder", additionalProperties: false },
);
export type PlaceOrder = Static<typeof PlaceOrder>;

const Status = Type.Unsafe<OrderStatus>(Type.String({ enum: [...ORDER_STATUSES] }));

/** PENDING; in the answer to a repeat, the order's current status. */
export const OrderAccepted = Type.Object(
  {
    orderId: OrderIdSchema,
    orderNumber: OrderNumberSchema,
    status: Status,
    estimatedProcessingTime: Type.Integer({
      minimum: 0,
      description:
        "Seconds until the order is COMPLETED or CANCELLED, by the 95th percentile of recent orders; 0 if it is settled",
    }),
    trackingUrl: Type.String({ examples: ["/orders/4b0c2d5e-8a6f-5f0e-9d57-1c1a0a8f2b3c"] }),
    durable: Durability,
    repeat: Type.Optional(Type.Literal(true)),
  },
  { $id: "OrderAccepted" },
);
export type OrderAccepted = Static<typeof OrderAccepted>;

const TimeOrNull = Type.Union([Timestamp, Type.Null()]);
const ReasonOrNull = Type.Union([Type.Unsafe<ResultCode>(Type.String()), Type.Null()]);

/** A step as its owner sees it. */
export const StepView = Type.Object(
  {
    name: Type.Unsafe<Step>(Type.String({ enum: [...STEPS] })),
    status: Type.Unsafe<StepStatus>(Type.String({ enum: [...STEP_STATUSES] })),
    requestedAt: TimeOrNull,
    completedAt: TimeOrNull,
    restoredAt: TimeOrNull,
    reason: ReasonOrNull,
  },
  { $id: "StepView" },
);
export type StepView = Static<typeof StepView>;

/** Why the order is or was undone. */
const FAILURE = {
  failureReason: Type.Optional(Type.Unsafe<ResultCode>(Type.String())),
  failureProductId: Type.Optional(
    Type.Unsafe<ProductId>({ ...ProductIdSchema, description: "With INSUFFICIENT_STOCK: the product that is short" }),
  ),
} as const;

export const OrderView = Type.Object(
  {
    orderId: OrderIdSchema,
    orderNumber: OrderNumberSchema,
    status: Status,
    items: Type.Array(OrderLine),
    ...AMOUNTS,
    currency: CurrencySchema,
    createdAt: Timestamp,
    ...FAILURE,
    steps: Type.Array(Type.Ref(StepView)),
  },
  { $id: "OrderView" },
);
export type OrderView = Static<typeof OrderView>;

/** An order in a list: GET /me/orders, GET /admin/orders. GET /orders/:orderId has its steps. */
export const OrderSummary = Type.Object(
  {
    orderId: OrderIdSchema,
    orderNumber: OrderNumberSchema,
    userId: UserIdSchema,
    status: Status,
    items: Type.Array(OrderLine),
    ...AMOUNTS,
    currency: CurrencySchema,
    couponId: Type.Union([CouponIdSchema, Type.Null()]),
    createdAt: Timestamp,
    settledAt: TimeOrNull,
    ...FAILURE,
  },
  { $id: "OrderSummary" },
);
export type OrderSummary = Static<typeof OrderSummary>;

export const OrderList = Type.Object({ items: Type.Array(Type.Ref(OrderSummary)), ...Page }, { $id: "OrderList" });
export type OrderList = Static<typeof OrderList>;

/** POST /orders/:orderId/cancel, 202: the request was logged; the saga decides, and the socket reports the result. */
export const CancelAccepted = Type.Object({ orderId: OrderIdSchema, status: Status }, { $id: "CancelAccepted" });
export type CancelAccepted = Static<typeof CancelAccepted>;
