import type { ResultCode } from "../wire/result-codes.ts";

/** The steps of an order, in the order in which they are requested; restores are requested in reverse order. */
export const STEPS = ["STOCK", "COUPON", "POINT", "PAYMENT", "SHIPPING"] as const;
export type Step = (typeof STEPS)[number];

/**
 * What may be under way at the same time when an order's steps are requested in parallel: a stage begins when the one
 * before it is done. In sequence, each of STEPS is a stage.
 */
export const PARALLEL_STAGES: readonly (readonly Step[])[] = [["STOCK", "COUPON", "POINT"], ["PAYMENT"], ["SHIPPING"]];

/** The consumer group that carries out a step, which is also the name of the consumers' role. */
export const STEP_GROUPS = {
  STOCK: "stock",
  COUPON: "coupon-usage",
  POINT: "points",
  PAYMENT: "payment",
  SHIPPING: "shipping",
} as const satisfies Record<Step, string>;
export type StepGroup = (typeof STEP_GROUPS)[Step];

/**
 * PENDING: not requested (in a cancelled order: and never will be). SKIPPED: the order does not need the step. FAILED:
 * refused, so there is nothing to restore.
 */
export const STEP_STATUSES = [
  "PENDING",
  "REQUESTED",
  "COMPLETED",
  "FAILED",
  "SKIPPED",
  "RESTORING",
  "RESTORED",
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/**
 * PENDING: accepted, not yet read by the saga. PROCESSING: steps are under way. CANCELLING: it will be cancelled, but some
 * requested steps have not answered. COMPENSATING: completed steps are being restored. COMPLETED and CANCELLED are final.
 */
export const ORDER_STATUSES = [
  "PENDING",
  "PROCESSING",
  "CANCELLING",
  "COMPENSATING",
  "COMPLETED",
  "CANCELLED",
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** The outcome in a step's row in `step_outcomes`; it never changes. TOMBSTONE: the restore came before the command. */
export const STEP_OUTCOMES = ["COMPLETED", "FAILED", "TOMBSTONE"] as const;
export type StepOutcome = (typeof STEP_OUTCOMES)[number];

/** Why a step refuses. Each may also fail with INTERNAL: a permanent error; a dead letter has the details. */
export const STEP_REFUSALS = {
  STOCK: ["INSUFFICIENT_STOCK", "PRODUCT_NOT_FOUND"],
  COUPON: ["COUPON_NOT_HELD", "COUPON_ALREADY_USED", "COUPON_EXPIRED", "MIN_ORDER_AMOUNT"],
  POINT: ["INSUFFICIENT_POINTS"],
  PAYMENT: ["PAYMENT_DECLINED", "PAYMENT_MISMATCH"],
  SHIPPING: ["SHIPPING_NOT_SERVED"],
} as const satisfies Record<Step, readonly ResultCode[]>;

/** The names of a step's command, its two results, its restore and the answer to the restore. */
export const STEP_EVENT_TYPES = {
  STOCK: {
    requested: "StockDeductionRequested",
    completed: "StockDeductionCompleted",
    failed: "StockDeductionFailed",
    restoreRequested: "StockRestoreRequested",
    restored: "StockRestored",
  },
  COUPON: {
    requested: "CouponUsageRequested",
    completed: "CouponUsageCompleted",
    failed: "CouponUsageFailed",
    restoreRequested: "CouponRestoreRequested",
    restored: "CouponRestored",
  },
  POINT: {
    requested: "PointDeductionRequested",
    completed: "PointDeductionCompleted",
    failed: "PointDeductionFailed",
    restoreRequested: "PointRestoreRequested",
    restored: "PointRestored",
  },
  PAYMENT: {
    requested: "PaymentRequested",
    completed: "PaymentCompleted",
    failed: "PaymentFailed",
    restoreRequested: "PaymentRestoreRequested",
    restored: "PaymentRestored",
  },
  SHIPPING: {
    requested: "ShippingRequested",
    completed: "ShippingPrepared",
    failed: "ShippingFailed",
    restoreRequested: "ShippingRestoreRequested",
    restored: "ShippingRestored",
  },
} as const;

type StepEventTypes = typeof STEP_EVENT_TYPES;
export type CommandType = StepEventTypes[Step]["requested"];
export type RestoreType = StepEventTypes[Step]["restoreRequested"];
export type ResultType = StepEventTypes[Step]["completed" | "failed" | "restored"];
