import type { Money } from "../../contracts/wire/money.ts";
import type { Payment } from "./payment.ts";
import {
  type Definite,
  type PaymentProvider,
  type ProviderAnswer,
  type Refused,
  refundKey,
  type Unknown,
} from "./provider.ts";

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

/** Calls that one lease may take: find, charge, find again, and void. */
export const CALLS_PER_LEASE = 4;

/**
 * Calls the provider for a payment that is due. An intent is charged or, if its money is not wanted any more, forbidden; a
 * capture that may not stay is refunded; of any other payment the provider is only asked what it says of it.
 */
export function callProvider(provider: PaymentProvider, payment: Leased): Promise<ProviderAnswer> {
  const { orderId, status, returnWanted } = payment;
  if (status === "INTENT") return chargeOrVoid(provider, payment);
  if (status === "CAPTURED" && returnWanted) return giveBack(provider, payment);
  return provider.find(orderId);
}

/**
 * An intent for which the provider was never called is charged. After a call with an unknown outcome the provider is asked
 * first; if it knows no such payment, the charge is repeated under its key. If the money is not wanted any more, a payment
 * without a definite answer is voided: otherwise a card that waits for its owner's confirmation would be PENDING for ever.
 */
async function chargeOrVoid(provider: PaymentProvider, payment: Leased): Promise<ProviderAnswer> {
  const { orderId, returnWanted } = payment;
  const first = payment.attempts === 1;
  if (!first) {
    const found = await provider.find(orderId);
    const isDefinite = found.kind !== "not-found" && found.kind !== "unknown";
    if (isDefinite || (found.kind === "unknown" && !returnWanted)) return found;
  }
  if (returnWanted) return voidIt(provider, orderId);
  const answer = await provider.charge(payment);
  if (answer.kind === "refused") return await whenRefused(provider, payment, answer, first);
  if (answer.kind !== "unknown" || !answer.late) return answer;
  // A slow card or a provider that is away: `find` tells them apart, and may know the outcome.
  const found = await provider.find(orderId);
  return found.kind === "not-found" ? { ...answer, alive: true } : found;
}

/** Forbids a payment. A provider that knows none may still get a charge that is on its way, so that is no end. */
async function voidIt(provider: PaymentProvider, orderId: Leased["orderId"]): Promise<Definite | Unknown> {
  const answer = await provider.void(orderId);
  if (answer.kind !== "not-found") return answer;
  return {
    kind: "unknown",
    why: "the provider does not void a payment that it does not know",
    alarm: true,
    alive: true,
  };
}

/**
 * A refused charge is a decline if no earlier one can capture: none was sent, or the provider knows of none and, by a void,
 * has promised that none will. It is asked after the refusal, because an earlier charge may have arrived meanwhile; and it may
 * arrive after that, so `find` alone proves nothing. A provider that has nothing to void has said so twice: that is believed.
 */
async function whenRefused(
  provider: PaymentProvider,
  { orderId }: Leased,
  { code }: Refused,
  first: boolean,
): Promise<ProviderAnswer> {
  const declined: Definite = { kind: "declined", reason: code, reference: "" };
  if (first) return declined;
  const found = await provider.find(orderId);
  if (found.kind !== "not-found") return found;
  const fenced = await provider.void(orderId);
  if (fenced.kind === "not-found") return declined;
  return fenced.kind === "voided" ? { ...fenced, reason: code } : fenced;
}

/**
 * Refunds what is left of a capture. If that was in vain, or if the capture is known from a webhook alone, the provider is
 * asked first what there is to refund: some may have gone back at its own desk.
 */
async function giveBack(provider: PaymentProvider, payment: Leased): Promise<ProviderAnswer> {
  const { orderId, currency, attempts, checkWanted } = payment;
  const isKnown = attempts === 1 && !checkWanted;
  const there: ProviderAnswer = isKnown
    ? { kind: "captured", captured: payment.captured, refunded: payment.refunded, currency, reference: "" }
    : await provider.find(orderId);
  if (there.kind !== "captured") return there;
  const amount = (there.captured - there.refunded) as Money;
  const answer = await provider.refund(orderId, amount, refundKey(orderId, payment, there));
  return answer.kind === "captured" ? { kind: "unknown", why: "the refund is not complete", alive: true } : answer;
}
