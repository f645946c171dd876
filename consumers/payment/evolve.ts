import type { StepEventOf } from "../../contracts/orders/step-events.ts";
import type { Money } from "../../contracts/wire/money.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { isOpen, isPaid, type Payment, type PaymentOutcome } from "./payment.ts";
import type { Definite } from "./provider.ts";

// What happens to a payment. Pure; `now` is the database's clock, milliseconds since 1970. The same object comes back when
// nothing changes.

export type Report = Pick<StepEventOf<"PaymentReported">["data"], "outcome" | "amount" | "currency">;

/** Of a capture that we believed in and that the provider knows nothing of. */
const NONE = 0 as Money;
const NONE_TAKEN = { captured: NONE, refunded: NONE, refundedElsewhere: NONE, capturedCurrency: null };

const TOMBSTONE = (at: number): PaymentOutcome => ({ outcome: "TOMBSTONE", reason: null, at, restoredAt: null });
const COMPLETED = (at: number): PaymentOutcome => ({ outcome: "COMPLETED", reason: null, at, restoredAt: null });
const FAILED = (at: number, reason: ResultCode = "PAYMENT_DECLINED"): PaymentOutcome => ({
  outcome: "FAILED",
  reason,
  at,
  restoredAt: null,
});

/** Nothing is with the provider (any more): what was completed is restored, if that was wanted. */
const returned = (settled: PaymentOutcome, returnWanted: boolean, now: number): PaymentOutcome =>
  settled.outcome === "COMPLETED" && settled.restoredAt === null && returnWanted
    ? { ...settled, restoredAt: now }
    : settled;

/** The saga wants the money back. A payment for which the provider was never called ends at once. */
export function wantReturn(payment: Payment, now: number): Payment {
  const { status, outcome, attempts, leaseOwner } = payment;
  const untouched = status === "INTENT" && attempts === 0 && leaseOwner === null;
  if (outcome === null && (untouched || status === "VOIDED")) {
    return { ...payment, status: "VOIDED", returnWanted: true, outcome: TOMBSTONE(now) };
  }
  if (payment.returnWanted) return payment;
  const wanted = { ...payment, returnWanted: true, dueAt: now };
  // Refunded at the provider's own desk already: there is nothing to wait for.
  const isBack = outcome !== null && status !== "INTENT" && status !== "CAPTURED";
  return isBack ? { ...wanted, outcome: returned(outcome, true, now) } : wanted;
}

/** Its command can't be read. Of a payment that was inserted for that (DECLINED, no outcome); any other stands. */
export function fail(payment: Payment, now: number): Payment {
  if (payment.status !== "DECLINED" || payment.outcome !== null) return payment;
  return { ...payment, outcome: FAILED(now, "INTERNAL") };
}

/**
 * The provider called by itself. It is believed that money was taken where we thought none was: that is given back. All
 * else it says is a reason to ask (sooner), because the answer to `find` is complete and in order.
 */
export function hear(payment: Payment, report: Report, now: number): Payment {
  const { status } = payment;
  if (report.outcome === "CAPTURED" && (status === "VOIDED" || status === "DECLINED") && report.amount > 0) {
    const captured = { captured: report.amount, capturedCurrency: report.currency };
    return { ...asked(payment, now), ...captured, status: "CAPTURED", returnWanted: true };
  }
  const awaited = status === "INTENT" || (status === "CAPTURED" && payment.returnWanted);
  if (awaited) return payment.dueAt > now ? { ...payment, dueAt: now } : payment;
  return agrees(payment, report) ? payment : asked(payment, now);
}

/** A worker shall ask the provider. An answer that is on its way may be older than the report, so it is not counted. */
const asked = (payment: Payment, now: number): Payment => ({
  ...payment,
  checkWanted: true,
  attempts: 0,
  leaseOwner: null,
  dueAt: now,
});

/** Old news: the row says so already, or has said so before. */
function agrees({ status, captured, capturedCurrency }: Payment, { outcome, amount, currency }: Report): boolean {
  if (outcome === status) return outcome !== "CAPTURED" || (amount === captured && currency === capturedCurrency);
  return outcome === "CAPTURED" && status === "REFUNDED" && amount === captured && currency === capturedCurrency;
}

/** A worker's call had a definite answer. */
export function learn(payment: Payment, said: Definite, now: number): Payment {
  const { returnWanted, outcome } = payment;
  const known = {
    ...payment,
    reference: said.reference,
    leaseOwner: null,
    attempts: 0,
    dueAt: now,
    checkWanted: false,
  };
  switch (said.kind) {
    case "captured": {
      const { captured, refunded, currency } = said;
      return paidOrNot({ ...known, status: "CAPTURED", captured, refunded, capturedCurrency: currency }, now);
    }
    case "refunded": {
      const { captured, refunded, currency } = said;
      const back = { ...known, status: "REFUNDED" as const, captured, refunded, capturedCurrency: currency };
      if (outcome !== null) return { ...elsewhere(back), outcome: returned(outcome, returnWanted, now) };
      if (returnWanted) return { ...back, outcome: returned(COMPLETED(now), true, now) };
      return { ...back, reason: mismatchOf(back), outcome: FAILED(now, "PAYMENT_MISMATCH") };
    }
    case "declined": {
      const settled = outcome ?? FAILED(now);
      const declined = { status: "DECLINED" as const, reason: said.reason };
      return { ...known, ...NONE_TAKEN, ...declined, outcome: returned(settled, returnWanted, now) };
    }
    case "voided": {
      const settled = outcome ?? (returnWanted ? TOMBSTONE(now) : FAILED(now));
      const voided = { status: "VOIDED" as const, reason: said.reason };
      return { ...known, ...NONE_TAKEN, ...voided, outcome: returned(settled, returnWanted, now) };
    }
  }
}

/**
 * A capture. Only what was asked for, in its currency, pays an order: any other goes back, and the order fails. More than was
 * asked is no better than less: see docs/decisions/0048-captured-amounts.md. An outcome that stands is not changed by it.
 */
function paidOrNot(payment: Payment, now: number): Payment {
  const { outcome, returnWanted } = payment;
  if (outcome !== null) {
    // An order that was told it is not paid must not be.
    const stray = outcome.outcome !== "COMPLETED" || outcome.restoredAt !== null;
    return elsewhere({ ...payment, returnWanted: returnWanted || stray });
  }
  // What was noted while there was no answer is over.
  if (isPaid(payment)) return { ...payment, reason: null, outcome: COMPLETED(now) };
  const failed = { ...payment, reason: mismatchOf(payment), returnWanted: true };
  // A restore is answered when the money is back, so it may not meet a payment that failed before.
  return returnWanted ? failed : { ...failed, outcome: FAILED(now, "PAYMENT_MISMATCH") };
}

/** We refund only what is to be returned: what went back of a payment that pays its order was refunded at the provider's desk. */
const elsewhere = (payment: Payment): Payment =>
  payment.outcome?.outcome === "COMPLETED" && !payment.returnWanted
    ? { ...payment, refundedElsewhere: payment.refunded }
    : { ...payment, refundedElsewhere: Math.min(payment.refundedElsewhere, payment.refunded) as Money };

const mismatchOf = ({ captured, refunded, capturedCurrency, amount, currency }: Payment): string =>
  `captured ${captured} ${capturedCurrency}, ${refunded} of it refunded, asked for ${amount} ${currency}`;

/** Of a payment that is definite, and of which the provider still knows nothing: it is asked so often. */
const MAX_CHECKS = 5;

/**
 * A worker's call had no definite answer: the next try is later each time.
 * @param waitMs see back-off.ts
 * @param why what a person should look at; null: nothing
 */
export function tryLater(payment: Payment, waitMs: number, now: number, why: string | null = null): Payment {
  const later = { ...payment, leaseOwner: null, dueAt: now + waitMs };
  return why === null ? later : { ...later, reason: why };
}

/** The provider knows no such payment. What is definite is not asked about for ever. */
export function notFound(payment: Payment, waitMs: number, now: number): Payment {
  const later = tryLater(payment, waitMs, now);
  const gone = { ...later, checkWanted: false };
  return payment.checkWanted && payment.attempts >= MAX_CHECKS && !isOpen(gone) ? gone : later;
}
