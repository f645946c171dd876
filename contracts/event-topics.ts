import type { EventType, StampedeEvent } from "./claims/events.ts";
import type { ProductQuantity } from "./orders/parts.ts";
import { type CommandType, type RestoreType, type ResultType, STEP_EVENT_TYPES, STEPS } from "./orders/steps.ts";
import { STEP_TOPICS, TOPICS, type Topic } from "./topics.ts";

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

type StepMessage = CommandType | RestoreType | ResultType;

/** A step's command and restore have the key that their topic declares. */
const KEYS: Readonly<Record<string, Carrier<StepMessage>["key"]>> = {
  userId: byUser as Carrier<StepMessage>["key"],
  orderId: byOrder,
  couponId: byCoupon as Carrier<StepMessage>["key"],
  productId: byLowestProduct as Carrier<StepMessage>["key"],
};
const keyedBy = (topic: Topic) => ({ topic, key: KEYS[TOPICS[topic].key ?? ""]! });

/** What carries the commands, restores and results of every step; made once, when this module is loaded. */
function stepCarriers(): { readonly [T in StepMessage]: Carrier<T> } {
  const carriers = STEPS.flatMap((step) => {
    const { requested, completed, failed, restoreRequested, restored } = STEP_EVENT_TYPES[step];
    const [commands, restores] = STEP_TOPICS[step];
    return [
      [requested, keyedBy(commands)],
      [completed, results],
      [failed, results],
      [restoreRequested, keyedBy(restores)],
      [restored, results],
    ] as const;
  });
  return Object.fromEntries(carriers) as unknown as { readonly [T in StepMessage]: Carrier<T> };
}

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

  ...stepCarriers(),
  PaymentReported: byOrderAs("payment-events"),
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
