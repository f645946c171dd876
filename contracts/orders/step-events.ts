import { type Static, Type } from "@sinclair/typebox";
import { event } from "../wire/envelope.ts";
import { CouponIdSchema, UserIdSchema } from "../wire/ids.ts";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import { OrderIdSchema, ProductIdSchema } from "./ids.ts";
import { ProductQuantity, ShippingAddress } from "./parts.ts";
import type { ResultType } from "./steps.ts";

const Owner = { orderId: OrderIdSchema, userId: UserIdSchema };
const Done = Type.Object({ orderId: OrderIdSchema });
const Failure = Type.Object({
  orderId: OrderIdSchema,
  reason: Type.Unsafe<ResultCode>(Type.String({ description: "One of STEP_REFUSALS, or INTERNAL" })),
  productId: Type.Optional(ProductIdSchema),
});
/** A restore names only the order: the step's tables say what was taken. */
const Restore = Type.Object(Owner);

/** Every step answers each command with Completed or Failed, and each restore with Restored, repeated ones included. */
export const STEP_EVENTS = {
  StockDeductionRequested: event(
    "StockDeductionRequested",
    Type.Object({ ...Owner, items: Type.Array(ProductQuantity, { minItems: 1, description: "Sorted by productId" }) }),
  ),
  StockDeductionCompleted: event("StockDeductionCompleted", Done),
  StockDeductionFailed: event("StockDeductionFailed", Failure),
  StockRestoreRequested: event("StockRestoreRequested", Restore),
  StockRestored: event("StockRestored", Done),

  CouponUsageRequested: event(
    "CouponUsageRequested",
    Type.Object({
      ...Owner,
      couponId: CouponIdSchema,
      totalAmount: MoneySchema,
      discountAmount: MoneySchema,
      // No format: compiled, it would ask TypeBox's global registry.
      orderedAt: Type.Optional(
        Type.String({ description: "When the order was accepted, ISO 8601; absent in commands of releases before" }),
      ),
    }),
  ),
  CouponUsageCompleted: event("CouponUsageCompleted", Done),
  CouponUsageFailed: event("CouponUsageFailed", Failure),
  CouponRestoreRequested: event("CouponRestoreRequested", Type.Object({ ...Owner, couponId: CouponIdSchema })),
  CouponRestored: event("CouponRestored", Done),

  PointDeductionRequested: event("PointDeductionRequested", Type.Object({ ...Owner, points: MoneySchema })),
  PointDeductionCompleted: event("PointDeductionCompleted", Done),
  PointDeductionFailed: event("PointDeductionFailed", Failure),
  PointRestoreRequested: event("PointRestoreRequested", Restore),
  PointRestored: event("PointRestored", Done),

  PaymentRequested: event(
    "PaymentRequested",
    Type.Object({ ...Owner, amount: MoneySchema, currency: CurrencySchema, token: Type.String() }),
  ),
  PaymentCompleted: event("PaymentCompleted", Done),
  PaymentFailed: event("PaymentFailed", Failure),
  PaymentRestoreRequested: event("PaymentRestoreRequested", Restore),
  PaymentRestored: event("PaymentRestored", Done),
  /** A report from the provider's webhook. Only the payment role reads it; the saga gets PaymentCompleted or PaymentFailed. */
  PaymentReported: event(
    "PaymentReported",
    Type.Object({
      orderId: OrderIdSchema,
      providerEventId: Type.String({ maxLength: 200 }),
      outcome: Type.Union(
        (["CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const).map((outcome) => Type.Literal(outcome)),
      ),
      amount: MoneySchema,
      currency: CurrencySchema,
    }),
  ),

  ShippingRequested: event(
    "ShippingRequested",
    Type.Object({ ...Owner, items: Type.Array(ProductQuantity, { minItems: 1 }), shipping: ShippingAddress }),
  ),
  ShippingPrepared: event("ShippingPrepared", Done),
  ShippingFailed: event("ShippingFailed", Failure),
  ShippingRestoreRequested: event("ShippingRestoreRequested", Restore),
  ShippingRestored: event("ShippingRestored", Done),
} as const;

export type StepEventType = keyof typeof STEP_EVENTS;
export type StepEventOf<T extends StepEventType> = Static<(typeof STEP_EVENTS)[T]>;
export type StepEvent = { [T in StepEventType]: StepEventOf<T> }[StepEventType];
/** The events in topic order-processing-results. */
export type ResultEvent = { [T in ResultType]: StepEventOf<T> }[ResultType];
