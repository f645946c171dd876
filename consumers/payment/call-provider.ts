import type { Money } from "../../contracts/money.ts";
import type { Payment } from "./payment.ts";
import { type Answer, type Definite, type PaymentProvider, type Refused, refundKey } from "./provider.ts";

/** What a worker sees of a payment that it has leased. */
export type Leased = Pick<
  Payment,
  | "orderId"
  | "amount"
  | "currency"
  | "token"
  | "status"
  | "captured"
  | "refunded"
  | "refundedElsewhere"
  | "returnWanted"
  | "checkWanted"
  | "attempts"
>;

/** Calls that one lease may take: find, charge, and find again. */
export const CALLS_PER_LEASE = 3;

/**
 * Calls the provider for a payment that is due. An intent is charged or, if its money is not wanted any more, forbidden; a
 * capture that may not stay is refunded; of any other payment the provider is only asked what it says of it.
 */
export function callProvider(provider: PaymentProvider, payment: Leased): Promise<Answer> {
  const { orderId, status, returnWanted } = payment;
  if (status === "INTENT") return chargeOrVoid(provider, payment);
  if (status === "CAPTURED" && returnWanted) return giveBack(provider, payment);
  return provider.find(orderId);
}

/**
 * An intent that nobody called for is charged. After a call whose outcome is unknown the provider is asked first, and only
 * if it knows of nothing the charge is repeated under its key.
 */
async function chargeOrVoid(provider: PaymentProvider, payment: Leased): Promise<Answer> {
  const { orderId, returnWanted } = payment;
  const first = payment.attempts === 1;
  if (!first) {
    const found = await provider.find(orderId);
    if (found.kind !== "not-found") return found;
  }
  if (returnWanted) return provider.void(orderId);
  const answer = await provider.charge(payment);
  if (answer.kind === "refused") return await whenRefused(provider, payment, answer, first);
  if (answer.kind !== "unknown" || !answer.late) return answer;
  // A slow card or a provider that is away: `find` tells them apart, and may know the outcome.
  const found = await provider.find(orderId);
  return found.kind === "not-found" ? { ...answer, alive: true } : found;
}

/**
 * A refused charge is a decline if no earlier one can have captured: none was sent, or the provider knows of none. It is asked
 * after the refusal, because an earlier charge may have arrived meanwhile.
 */
async function whenRefused(
  provider: PaymentProvider,
  { orderId }: Leased,
  { code }: Refused,
  first: boolean,
): Promise<Answer> {
  const declined: Definite = { kind: "declined", reason: code, reference: "" };
  if (first) return declined;
  const found = await provider.find(orderId);
  return found.kind === "not-found" ? declined : found;
}

/**
 * Refunds what is left of a capture. If that was in vain, or if the capture is known from a webhook alone, the provider is
 * asked first what there is to refund: some may have gone back at its own desk.
 */
async function giveBack(provider: PaymentProvider, payment: Leased): Promise<Answer> {
  const { orderId, currency, attempts, checkWanted } = payment;
  const isKnown = attempts === 1 && !checkWanted;
  const there: Answer = isKnown
    ? { kind: "captured", captured: payment.captured, refunded: payment.refunded, currency, reference: "" }
    : await provider.find(orderId);
  if (there.kind !== "captured") return there;
  const amount = (there.captured - there.refunded) as Money;
  const answer = await provider.refund(orderId, amount, refundKey(orderId, payment, there));
  return answer.kind === "captured" ? { kind: "unknown", why: "the refund is not complete", alive: true } : answer;
}
