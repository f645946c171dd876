import type { Money } from "../../contracts/money.ts";
import type { Payment } from "./payment.ts";
import type { Answer, PaymentProvider } from "./provider.ts";

/** What a worker sees of a payment that it has leased. */
export type Leased = Pick<
  Payment,
  "orderId" | "amount" | "currency" | "token" | "status" | "captured" | "refunded" | "returnWanted" | "attempts"
>;

/**
 * Calls the provider for a payment that is due. A capture that may not stay is refunded; if that was in vain, the provider
 * is asked first what there is to refund, because a webhook may have been wrong about it. An intent that nobody called for
 * is charged; after a call whose outcome is unknown the provider is asked first, and only if it knows of nothing the
 * charge is repeated under its key or, if the money is not wanted any more, forbidden.
 */
export async function callProvider(provider: PaymentProvider, payment: Leased): Promise<Answer> {
  const { orderId, status, captured, refunded, returnWanted, attempts } = payment;
  const first = attempts === 1;
  if (status === "CAPTURED") {
    const there = first ? { kind: "captured" as const, captured, refunded } : await provider.find(orderId);
    if (there.kind !== "captured") return there;
    const answer = await provider.refund(orderId, (there.captured - there.refunded) as Money);
    return answer.kind === "captured" ? { kind: "unknown", why: "the refund is not complete" } : answer;
  }
  const found: Answer = first ? { kind: "not-found" } : await provider.find(orderId);
  if (found.kind !== "not-found") return found;
  return returnWanted ? provider.void(orderId) : provider.charge(payment);
}
