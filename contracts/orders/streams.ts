import type { EventType } from "../claims/events.ts";
import { derivedEventId } from "../wire/envelope.ts";
import type { OrderId } from "./ids.ts";
import type { Step } from "./steps.ts";

/**
 * The id of an order's event. An order has one event of each type (of OrderStatusChanged, one per status), so order and type
 * are its natural key. The id does not depend on what made the producer send it: a repeated command, a re-sent one or a
 * dead letter.
 */
export const orderEventId = (orderId: OrderId, type: EventType, detail = ""): string =>
  derivedEventId(orderId, detail === "" ? type : `${type}:${detail}`);

/** For the sweeper: two sweepers that find the same order at the same attempt publish the same event. */
export const deadlinePassedId = (orderId: OrderId, attempt: number): string =>
  orderEventId(orderId, "DeadlinePassed", String(attempt));

/** A report of the provider is one event, however often its webhook calls. */
export const paymentReportedId = (orderId: OrderId, providerEventId: string): string =>
  orderEventId(orderId, "PaymentReported", providerEventId);

// An envelope's `stream`: each has one producer, which counts `sequence` in it.

/** Gateway and saga: OrderCreated is 1, the saga continues from there. */
export const orderStream = (orderId: OrderId): string => orderId;
/** A step: its outcome (Completed, Failed, or the Restored of a tombstone) is 1, a Restored after an outcome is 2. */
export const stepStream = (orderId: OrderId, step: Step): string => `${orderId}/${step}`;
/** OrderCancelRequested is 1; the saga's refusal, if any, is 2. */
export const cancelStream = (orderId: OrderId): string => `${orderId}/CANCEL`;
/** The sweeper's DeadlinePassed, counted by attempt. */
export const deadlineStream = (orderId: OrderId): string => `${orderId}/DEADLINE`;
/** One report of the payment provider: the sequence is 1. */
export const reportStream = (orderId: OrderId, providerEventId: string): string =>
  `${orderId}/REPORT/${providerEventId}`;
