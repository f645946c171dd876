import type { EventType, StampedeEvent } from "../claims/events.ts";
import type { ResultCode } from "../wire/result-codes.ts";
import type { DeadlinePassed, OrderCancelRequested, OrderCreated } from "./events.ts";
import type { OrderId, ProductId } from "./ids.ts";
import type { ResultEvent, StepEventOf } from "./step-events.ts";
import { type ResultType, STEP_EVENT_TYPES, type Step } from "./steps.ts";
import {
  cancelStream,
  deadlinePassedId,
  deadlineStream,
  orderEventId,
  orderStream,
  paymentReportedId,
  reportStream,
  stepStream,
} from "./streams.ts";

/** An event as its producer makes it. Made again from the same facts, it is equal byte for byte. */
export interface OrderMessage<T extends EventType> {
  readonly type: T;
  readonly eventId: string;
  readonly stream: string;
  readonly sequence: number;
  /** Milliseconds since 1970. Take it from stored data, not from the clock: then a repeated event has the same time. */
  readonly at: number;
  readonly causationId: string | null;
  readonly data: Extract<StampedeEvent, { type: T }>["data"] & { readonly orderId: OrderId };
}

/** The envelope around an order's event. */
export function orderMessage<T extends EventType>(message: OrderMessage<T>): Extract<StampedeEvent, { type: T }> {
  const { type, eventId, stream, sequence, at, causationId, data } = message;
  const event = {
    eventId,
    type,
    version: 1,
    aggregateId: data.orderId,
    stream,
    sequence,
    occurredAt: new Date(at).toISOString(),
    correlationId: data.orderId,
    causationId,
    data,
  };
  // Type and data belong together. The signature ensures it, but the compiler cannot derive it for the union.
  return event as unknown as Extract<StampedeEvent, { type: T }>;
}

/** Sent by the gateway. @param at when the order was placed */
export function orderCreated(data: OrderCreated["data"], at: number): OrderCreated {
  const { orderId } = data;
  const eventId = orderEventId(orderId, "OrderCreated");
  const stream = orderStream(orderId);
  return orderMessage({ type: "OrderCreated", eventId, stream, sequence: 1, at, causationId: null, data });
}

/** Sent by the gateway; every repeat of the request is the same event. */
export function orderCancelRequested(data: OrderCancelRequested["data"], at: number): OrderCancelRequested {
  const type = "OrderCancelRequested";
  const eventId = orderEventId(data.orderId, type);
  return orderMessage({ type, eventId, stream: cancelStream(data.orderId), sequence: 1, at, causationId: null, data });
}

/** Sent by the sweeper. @param attempt from 1: two sweepers at the same attempt publish the same event */
export function deadlinePassed(data: DeadlinePassed["data"], attempt: number, at: number): DeadlinePassed {
  const eventId = deadlinePassedId(data.orderId, attempt);
  const stream = deadlineStream(data.orderId);
  return orderMessage({ type: "DeadlinePassed", eventId, stream, sequence: attempt, at, causationId: null, data });
}

/** Sent by the gateway when the payment provider calls its webhook. */
export function paymentReported(
  data: StepEventOf<"PaymentReported">["data"],
  at: number,
): StepEventOf<"PaymentReported"> {
  const { orderId, providerEventId } = data;
  const eventId = paymentReportedId(orderId, providerEventId);
  const stream = reportStream(orderId, providerEventId);
  return orderMessage({ type: "PaymentReported", eventId, stream, sequence: 1, at, causationId: null, data });
}

/** The content of a step's row, and when it was written. */
export interface StepAnswer {
  readonly orderId: OrderId;
  readonly step: Step;
  readonly at: number;
  /** The event id of the command or restore that this answers. */
  readonly causationId: string;
}

/** The row says COMPLETED. */
export function stepCompleted(answer: StepAnswer): ResultEvent {
  return result(answer, STEP_EVENT_TYPES[answer.step].completed, 1, {});
}

/** The row says FAILED. @param productId with INSUFFICIENT_STOCK and PRODUCT_NOT_FOUND */
export function stepFailed(answer: StepAnswer, reason: ResultCode, productId?: ProductId): ResultEvent {
  const type = STEP_EVENT_TYPES[answer.step].failed;
  return result(answer, type, 1, productId === undefined ? { reason } : { reason, productId });
}

/** The answer to a restore, and to a command that finds a restored row. @param tombstone the row says TOMBSTONE */
export function stepRestored(answer: StepAnswer, tombstone: boolean): ResultEvent {
  return result(answer, STEP_EVENT_TYPES[answer.step].restored, tombstone ? 1 : 2, {});
}

function result(
  { orderId, step, at, causationId }: StepAnswer,
  type: ResultType,
  sequence: number,
  said: object,
): ResultEvent {
  const eventId = orderEventId(orderId, type);
  const stream = stepStream(orderId, step);
  const data = { orderId, ...said } as OrderMessage<ResultType>["data"];
  return orderMessage({ type, eventId, stream, sequence, at, causationId, data });
}
