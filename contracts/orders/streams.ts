import type { EventType } from "../claims/events.ts";
import { derivedEventId } from "../wire/envelope.ts";
import type { OrderId } from "./ids.ts";
import type { Step } from "./steps.ts";

/**
 * The id of an order's event. An order has one event of a type (of OrderStatusChanged, one per status), so order and type
 * are its natural key: whatever made its producer send it, a repeated command, a re-sent one or a dead letter, the id is
 * the same.
 */
export const orderEventId = (orderId: OrderId, type: EventType, detail = ""): string =>
  derivedEventId(orderId, detail === "" ? type : `${type}:${detail}`);

/** Of the sweeper: whoever finds the same order at the same attempt publishes the same event. */
export const deadlinePassedId = (orderId: OrderId, attempt: number): string =>
  orderEventId(orderId, "DeadlinePassed", String(attempt));

/** What the provider reported once is one event, however often its webhook calls. */
export const paymentReportedId = (orderId: OrderId, providerEventId: string): string =>
  orderEventId(orderId, "PaymentReported", providerEventId);

// An envelope's `stream`: each has one producer, which counts `sequence` in it.

/** Door and saga: OrderCreated is 1, the saga counts on from there. */
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
