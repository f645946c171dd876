import type { Money } from "../../contracts/money.ts";
import type { StepEventOf } from "../../contracts/step-events.ts";
import type { Payment, PaymentOutcome } from "./payment.ts";
import type { Definite } from "./provider.ts";

// What happens to a payment. Pure; `now` is the database's clock, milliseconds since 1970. The same object comes back when
// nothing changes.

export type Report = Pick<StepEventOf<"PaymentReported">["data"], "outcome" | "amount">;

/** Of a capture that we believed in and that the provider knows nothing of. */
const NONE_TAKEN = { captured: 0 as Money, refunded: 0 as Money };

const TOMBSTONE = (at: number): PaymentOutcome => ({ outcome: "TOMBSTONE", reason: null, at, restoredAt: null });
const COMPLETED = (at: number): PaymentOutcome => ({ outcome: "COMPLETED", reason: null, at, restoredAt: null });
const FAILED = (at: number): PaymentOutcome => ({
  outcome: "FAILED",
  reason: "PAYMENT_DECLINED",
  at,
  restoredAt: null,
});

/** The saga wants no capture to stay. What nobody has called the provider for ends here and now. */
export function wantReturn(payment: Payment, now: number): Payment {
  const { status, outcome, attempts, leaseOwner } = payment;
  const untouched = status === "INTENT" && attempts === 0 && leaseOwner === null;
  if (outcome === null && (untouched || status === "VOIDED")) {
    return { ...payment, status: "VOIDED", returnWanted: true, outcome: TOMBSTONE(now) };
  }
  if (payment.returnWanted) return payment;
  return { ...payment, returnWanted: true, dueAt: now };
}

/** Its command can't be read. Of a payment that was inserted for that (DECLINED, no outcome); any other stands. */
export function fail(payment: Payment, now: number): Payment {
  if (payment.status !== "DECLINED" || payment.outcome !== null) return payment;
  return { ...payment, outcome: { ...FAILED(now), reason: "INTERNAL" } };
}

/**
 * The provider called by itself. It is believed that money was taken where we thought none was: that is given back. All
 * else it says is a reason to look sooner, because the answer to `find` is complete and in order.
 */
export function hear(payment: Payment, report: Report, now: number): Payment {
  const { status } = payment;
  if (report.outcome === "CAPTURED" && (status === "VOIDED" || status === "DECLINED") && report.amount > 0) {
    return {
      ...payment,
      status: "CAPTURED",
      captured: report.amount,
      returnWanted: true,
      attempts: 0,
      leaseOwner: null,
      dueAt: now,
    };
  }
  const awaited = status === "INTENT" || (status === "CAPTURED" && payment.returnWanted);
  return awaited && payment.dueAt > now ? { ...payment, dueAt: now } : payment;
}

/** A worker's call had a definite answer. */
export function learn(payment: Payment, said: Definite, now: number): Payment {
  const { returnWanted, outcome } = payment;
  const known = { ...payment, reference: said.reference, leaseOwner: null, attempts: 0, dueAt: now };
  /** Nothing is with the provider (any more): what was completed is restored, if that was wanted. */
  const returned = (settled: PaymentOutcome): PaymentOutcome =>
    settled.outcome === "COMPLETED" && settled.restoredAt === null && returnWanted
      ? { ...settled, restoredAt: now }
      : settled;
  switch (said.kind) {
    case "captured": {
      const { captured, refunded } = said;
      // An order that was told it is not paid must not be.
      const stray = outcome !== null && (outcome.outcome !== "COMPLETED" || outcome.restoredAt !== null);
      const settled = outcome ?? COMPLETED(now);
      return {
        ...known,
        status: "CAPTURED",
        captured,
        refunded,
        returnWanted: returnWanted || stray,
        outcome: settled,
      };
    }
    case "refunded": {
      const { captured, refunded } = said;
      const settled = outcome ?? (returnWanted ? COMPLETED(now) : FAILED(now));
      return { ...known, status: "REFUNDED", captured, refunded, outcome: returned(settled) };
    }
    case "declined":
      return {
        ...known,
        ...NONE_TAKEN,
        status: "DECLINED",
        reason: said.reason,
        outcome: returned(outcome ?? FAILED(now)),
      };
    case "voided": {
      const settled = outcome ?? (returnWanted ? TOMBSTONE(now) : FAILED(now));
      return { ...known, ...NONE_TAKEN, status: "VOIDED", reason: said.reason, outcome: returned(settled) };
    }
  }
}

/** A worker's call told nothing: somebody tries again, later each time. @param waitMs see back-off.ts */
export function tryLater(payment: Payment, waitMs: number, now: number): Payment {
  return { ...payment, leaseOwner: null, dueAt: now + waitMs };
}
