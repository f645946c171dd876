import type { Money } from "../../contracts/money.ts";
import type { Payment } from "./payment.ts";
import type { Answer, PaymentProvider } from "./provider.ts";

/** What a worker sees of a payment that it has leased. */
export type Leased = Pick<
  Payment,
  "orderId" | "amount" | "currency" | "token" | "status" | "captured" | "refunded" | "returnWanted" | "attempts"
>;

/**
 * Calls the provider for a payment that is due. A capture that may not stay is refunded. An intent that nobody called for
 * is charged; after a call whose outcome is unknown the provider is asked first, and only if it knows of nothing the
 * charge is repeated under its key or, if the money is not wanted any more, forbidden.
 */
export async function callProvider(provider: PaymentProvider, payment: Leased): Promise<Answer> {
  const { orderId, status, captured, refunded, returnWanted, attempts } = payment;
  if (status === "CAPTURED") {
    const answer = await provider.refund(orderId, (captured - refunded) as Money);
    return answer.kind === "captured" ? { kind: "unknown", why: "the refund is not complete" } : answer;
  }
  const first = attempts === 1;
  const found: Answer = first ? { kind: "not-found" } : await provider.find(orderId);
  if (found.kind !== "not-found") return found;
  return returnWanted ? provider.void(orderId) : provider.charge(payment);
}
