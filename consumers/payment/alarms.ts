import { isPaid, type Payment } from "./payment.ts";
import type { ProviderAnswer } from "./provider.ts";

/**
 * Why a person should look at a payment.
 * MISMATCH: another amount or currency was captured. REFUNDED_ELSEWHERE: money of a paid order went back, and not by us.
 * CAPTURE_GONE: the provider takes back its word that it captured. CALL_REFUSED: it does not take our calls, or its answer can't
 * be understood. NOT_STORED: the database refuses its answer. STRAY_CAPTURE: money was taken for an order that is not paid.
 * UNKNOWN_PAYMENT: it reports a payment of an order that has none here.
 */
export const ALARMS = [
  "MISMATCH",
  "REFUNDED_ELSEWHERE",
  "CAPTURE_GONE",
  "CALL_REFUSED",
  "NOT_STORED",
  "STRAY_CAPTURE",
  "UNKNOWN_PAYMENT",
] as const;
export type AlarmKind = (typeof ALARMS)[number];

export interface Alarm {
  readonly kind: AlarmKind;
  readonly why: string;
}

/** What an operator should be told about an answer and about what it changed in the payment. */
export function alarmsOf(before: Payment, after: Payment, answer: ProviderAnswer): Alarm[] {
  const alarms: Alarm[] = [];
  const alarm = (kind: AlarmKind, why: string) => void alarms.push({ kind, why });
  if (answer.kind === "unknown" && answer.alarm) alarm("CALL_REFUSED", answer.why);
  const isOther = after.outcome?.reason === "PAYMENT_MISMATCH" || (after.status === "CAPTURED" && !isPaid(after));
  if (before.outcome === null && isOther) alarm("MISMATCH", after.reason ?? "");
  const { captured } = after;
  if (after.refundedElsewhere > before.refundedElsewhere) {
    alarm("REFUNDED_ELSEWHERE", `${after.refundedElsewhere} of ${captured} were refunded elsewhere`);
  }
  if (before.outcome?.outcome === "COMPLETED" && before.outcome.restoredAt === null && !before.returnWanted) {
    if (captured !== before.captured) alarm("CAPTURE_GONE", `${before.captured} were captured, now ${captured}`);
  }
  if (isStray(before, after)) alarm("STRAY_CAPTURE", `${after.captured} were captured after the end`);
  return alarms;
}

/** Money was taken although the saga knows that none was; of a webhook's word for it the provider was asked meanwhile. */
function isStray(before: Payment, after: Payment): boolean {
  const { outcome } = before;
  if (outcome === null || (outcome.outcome === "COMPLETED" && outcome.restoredAt === null)) return false;
  const isReported = before.status === "CAPTURED" && before.checkWanted;
  return after.captured > (isReported ? 0 : before.captured);
}
