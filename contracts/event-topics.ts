import type { EventType, StampedeEvent } from "./claims/events.ts";
import type { ProductQuantity } from "./orders/parts.ts";
import type { Topic } from "./topics.ts";

type DataOf<T extends EventType> = Extract<StampedeEvent, { type: T }>["data"];
interface Carrier<T extends EventType> {
  readonly topic: Topic;
  /** null: no key, the sticky partitioner fills batches. */
  readonly key: (data: DataOf<T>) => string | null;
}

const byUser = ({ userId }: { readonly userId: string }) => userId;
const byOrder = ({ orderId }: { readonly orderId: string }) => orderId;
const byCoupon = ({ couponId }: { readonly couponId: string }) => couponId;
const unkeyed = () => null;
/** Orders of one product meet in one partition, where a batch takes its stock with one UPDATE. Items are sorted. */
const byLowestProduct = ({ items }: { readonly items: readonly ProductQuantity[] }) => items[0]!.productId;
const byOrderAs = (topic: Topic) => ({ topic, key: byOrder });

const results = byOrderAs("order-processing-results");
const compensations = byOrderAs("compensation-events");
const stockRestores = byOrderAs("stock-compensation-events");

/** The one table that says which topic carries an event, and under which key. */
export const CARRIERS: { readonly [T in EventType]: Carrier<T> } = {
  CouponIssueRequested: { topic: "coupon-requests", key: byCoupon },
  CouponClaimed: { topic: "coupon-issue-requests", key: unkeyed },
  CouponIssued: { topic: "coupon-events", key: byCoupon },
  CouponIssueFailed: { topic: "coupon-events", key: byCoupon },

  OrderCreated: { topic: "order-events", key: byUser },
  OrderCancelRequested: { topic: "order-events", key: byUser },
  DeadlinePassed: { topic: "order-events", key: byUser },
  OrderCompleted: { topic: "order-events", key: byUser },
  OrderCancelled: { topic: "order-events", key: byUser },
  CompensationRequired: compensations,
  CompensationCompleted: compensations,
  OrderStatusChanged: { topic: "notification-events", key: byUser },
  OrderCancelRefused: { topic: "notification-events", key: byUser },

  StockDeductionRequested: { topic: "stock-events", key: byLowestProduct },
  StockDeductionCompleted: results,
  StockDeductionFailed: results,
  StockRestoreRequested: stockRestores,
  StockRestored: results,

  CouponUsageRequested: { topic: "coupon-events", key: byCoupon },
  CouponUsageCompleted: results,
  CouponUsageFailed: results,
  CouponRestoreRequested: byOrderAs("coupon-compensation-events"),
  CouponRestored: results,

  PointDeductionRequested: { topic: "point-events", key: byUser },
  PointDeductionCompleted: results,
  PointDeductionFailed: results,
  PointRestoreRequested: byOrderAs("point-compensation-events"),
  PointRestored: results,

  PaymentRequested: byOrderAs("payment-events"),
  PaymentCompleted: results,
  PaymentFailed: results,
  PaymentRestoreRequested: byOrderAs("payment-compensation-events"),
  PaymentRestored: results,
  PaymentReported: byOrderAs("payment-events"),

  ShippingRequested: byOrderAs("shipping-events"),
  ShippingPrepared: results,
  ShippingFailed: results,
  ShippingRestoreRequested: byOrderAs("shipping-compensation-events"),
  ShippingRestored: results,
};

/** An event as a record, ready for kafka/. */
export interface EventRecord {
  readonly topic: Topic;
  readonly key: string | null;
  readonly value: string;
}

export function recordOf(event: StampedeEvent): EventRecord {
  const { topic, key } = CARRIERS[event.type] as { topic: Topic; key: (data: StampedeEvent["data"]) => string | null };
  return { topic, key: key(event.data), value: JSON.stringify(event) };
}

/** The types that a topic carries. */
export function carriedBy(topic: Topic): readonly EventType[] {
  return (Object.keys(CARRIERS) as EventType[]).filter((type) => CARRIERS[type].topic === topic);
}
