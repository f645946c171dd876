import { type Static, Type } from "@sinclair/typebox";
import { event } from "../wire/envelope.ts";
import { CouponIdSchema, UserIdSchema } from "../wire/ids.ts";
import { CurrencySchema } from "../wire/money.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import { OrderIdSchema, OrderNumberSchema, ProductIdSchema } from "./ids.ts";
import { AMOUNTS, OrderLine, PaymentMethod, ProductQuantity, ShippingAddress } from "./parts.ts";
import { type OrderStatus, STEPS, type Step } from "./steps.ts";

const Owner = { orderId: OrderIdSchema, userId: UserIdSchema };
// A union, because the validator does not look at a string's `enum`.
const StepName = Type.Unsafe<Step>(Type.Union(STEPS.map((step) => Type.Literal(step))));
const Reason = Type.Unsafe<ResultCode>(Type.String());
/** With INSUFFICIENT_STOCK and PRODUCT_NOT_FOUND: the product. */
const ReasonProduct = Type.Optional(ProductIdSchema);

/** An order that was answered 202, with everything that any step needs. Its amounts are final: no step prices it again. */
export const OrderCreated = event(
  "OrderCreated",
  Type.Object({
    ...Owner,
    orderNumber: OrderNumberSchema,
    idempotencyKey: Type.String(),
    source: Type.Union([Type.Literal("items"), Type.Literal("cart")], {
      description: "cart: inserting it clears the cart",
    }),
    items: Type.Array(OrderLine, { minItems: 1, description: "Sorted by productId, each product once" }),
    flashItems: Type.Array(ProductQuantity, { description: "The lines for which the gateway took admission stock" }),
    currency: CurrencySchema,
    ...AMOUNTS,
    couponId: Type.Union([CouponIdSchema, Type.Null()]),
    payment: PaymentMethod,
    shipping: ShippingAddress,
  }),
);
export type OrderCreated = Static<typeof OrderCreated>;

/** The owner or an operator requests a cancellation. The saga accepts it until the payment is captured. One per order. */
export const OrderCancelRequested = event(
  "OrderCancelRequested",
  Type.Object({ ...Owner, requestedBy: Type.Union([Type.Literal("USER"), Type.Literal("OPERATOR")]) }),
);
export type OrderCancelRequested = Static<typeof OrderCancelRequested>;

/** The sweeper found an order that has waited for too long. */
export const DeadlinePassed = event(
  "DeadlinePassed",
  Type.Object({
    ...Owner,
    resend: Type.Array(StepName, {
      description:
        "Steps whose group has consumed past the command and whose command is not parked: only those are asked again",
    }),
    giveUp: Type.Boolean({ description: "The order is older than ORDER_SETTLE_S: silent steps are given up" }),
  }),
);
export type DeadlinePassed = Static<typeof DeadlinePassed>;

export const OrderCompleted = event(
  "OrderCompleted",
  Type.Object({
    ...Owner,
    orderNumber: OrderNumberSchema,
    items: Type.Array(ProductQuantity),
    currency: CurrencySchema,
    ...AMOUNTS,
  }),
);
export type OrderCompleted = Static<typeof OrderCompleted>;

/** The order is CANCELLED and everything is restored: OrderCompleted's counterpart, for readers of the topic. */
export const OrderCancelled = event(
  "OrderCancelled",
  Type.Object({
    ...Owner,
    orderNumber: OrderNumberSchema,
    items: Type.Array(ProductQuantity),
    currency: CurrencySchema,
    ...AMOUNTS,
    reason: Reason,
    productId: ReasonProduct,
  }),
);
export type OrderCancelled = Static<typeof OrderCancelled>;

/** Every requested step has answered; these steps are being restored. */
export const CompensationRequired = event(
  "CompensationRequired",
  Type.Object({ ...Owner, reason: Reason, productId: ReasonProduct, steps: Type.Array(StepName) }),
);
export type CompensationRequired = Static<typeof CompensationRequired>;

/** The order is CANCELLED and everything is restored. */
export const CompensationCompleted = event(
  "CompensationCompleted",
  Type.Object({
    ...Owner,
    reason: Reason,
    productId: ReasonProduct,
    steps: Type.Array(StepName),
    releaseAdmission: Type.Array(ProductQuantity, {
      description:
        "Admission stock to give back, once; none after INSUFFICIENT_STOCK, because that stock did not exist",
    }),
  }),
);
export type CompensationCompleted = Static<typeof CompensationCompleted>;

/** For the order's owner (inbox and socket): a stage of the order, not every message. */
export const OrderStatusChanged = event(
  "OrderStatusChanged",
  Type.Object({
    ...Owner,
    orderNumber: OrderNumberSchema,
    status: Type.Unsafe<Extract<OrderStatus, "COMPENSATING" | "COMPLETED" | "CANCELLED">>(
      Type.String({ enum: ["COMPENSATING", "COMPLETED", "CANCELLED"] }),
    ),
    reason: Type.Optional(Reason),
    productId: ReasonProduct,
  }),
);
export type OrderStatusChanged = Static<typeof OrderStatusChanged>;

/** For the order's owner: the order was paid before the cancellation request was read. */
export const OrderCancelRefused = event(
  "OrderCancelRefused",
  Type.Object({ ...Owner, orderNumber: OrderNumberSchema, reason: Reason }),
);
export type OrderCancelRefused = Static<typeof OrderCancelRefused>;

export const ORDER_EVENTS = {
  OrderCreated,
  OrderCancelRequested,
  DeadlinePassed,
  OrderCompleted,
  OrderCancelled,
  CompensationRequired,
  CompensationCompleted,
  OrderStatusChanged,
  OrderCancelRefused,
} as const;
export type OrderEvent = Static<(typeof ORDER_EVENTS)[keyof typeof ORDER_EVENTS]>;
