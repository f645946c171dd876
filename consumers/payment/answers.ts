import { type StepAnswer, stepCompleted, stepFailed, stepRestored } from "../../contracts/orders/messages.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import { orderEventId } from "../../contracts/orders/streams.ts";
import type { Payment, PaymentOutcome } from "./payment.ts";

// Answers are made of the outcome alone, its times included: repeated, they are the same to the letter.

const answerTo = (payment: Payment, type: "PaymentRequested" | "PaymentRestoreRequested", at: number): StepAnswer => ({
  orderId: payment.orderId,
  step: "PAYMENT",
  at,
  causationId: orderEventId(payment.orderId, type),
});

function result(payment: Payment, { outcome, reason, at }: PaymentOutcome): ResultEvent {
  if (outcome === "TOMBSTONE") return stepRestored(answerTo(payment, "PaymentRestoreRequested", at), true);
  const answer = answerTo(payment, "PaymentRequested", at);
  return outcome === "COMPLETED" ? stepCompleted(answer) : stepFailed(answer, reason ?? "INTERNAL");
}

const restored = (payment: Payment, at: number) =>
  stepRestored(answerTo(payment, "PaymentRestoreRequested", at), false);

/** What a command hears now; null: the provider has the word. Once the money is back, a command hears that. */
export function answerToCommand(payment: Payment): ResultEvent | null {
  const { outcome } = payment;
  if (outcome === null) return null;
  return outcome.restoredAt === null ? result(payment, outcome) : restored(payment, outcome.restoredAt);
}

/** What a restore hears now; null: the money is not back yet. Of a payment that failed there is nothing to give back. */
export function answerToRestore(payment: Payment): ResultEvent | null {
  const { outcome } = payment;
  if (outcome === null) return null;
  if (outcome.outcome === "TOMBSTONE") return result(payment, outcome);
  if (outcome.outcome === "FAILED") return restored(payment, outcome.at);
  return outcome.restoredAt === null ? null : restored(payment, outcome.restoredAt);
}

/** What a worker has to tell: all that became true. A capture that came late and went back changes no outcome. */
export function news(before: Payment, after: Payment): ResultEvent[] {
  if (after.outcome === null || after.outcome === before.outcome) return [];
  const events: ResultEvent[] = [];
  if (before.outcome === null) events.push(result(after, after.outcome));
  // Asked for by the saga: a capture that does not pay its order goes back without being asked for.
  const back = before.returnWanted ? answerToRestore(after) : null;
  if (back !== null && back.eventId !== events[0]?.eventId) events.push(back);
  return events;
}
