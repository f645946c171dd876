import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type ChargeRequest, ProviderPayment, type RefundRequest } from "../../contracts/payment-api.ts";
import { failureCode } from "../failure.ts";
import { type Answer, type PaymentProvider, refundKey } from "./provider.ts";

export interface HttpProviderOptions {
  readonly url: string;
  /** Sent as a bearer token; empty: none. */
  readonly apiKey: string;
  /** How long a call may take, milliseconds; later answers are lost, and found again by `find`. */
  readonly timeoutMs: number;
}

const check = TypeCompiler.Compile(ProviderPayment);
const unknown = (why: string): Answer => ({ kind: "unknown", why });

/** What a payment's description says for certain. */
function answerOf(body: unknown, key: string): Answer {
  if (!check.Check(body)) return unknown("the answer is not a payment");
  if (body.key !== key) return unknown("the answer is about another payment");
  const { capturedAmount: captured, refundedAmount: refunded, reference, reason } = body;
  switch (body.status) {
    case "PENDING":
      return unknown("the provider is still working on it");
    case "CAPTURED":
    case "REFUNDED":
      return { kind: captured === refunded ? "refunded" : "captured", captured, refunded, reference };
    case "DECLINED":
    case "VOIDED":
      return { kind: body.status === "DECLINED" ? "declined" : "voided", reason, reference };
  }
}

/** Talks the interface of contracts/payment-api.ts, which is the simulator's. */
export function createHttpProvider({ url, apiKey, timeoutMs }: HttpProviderOptions): PaymentProvider {
  const base = url.replace(/\/+$/, "");
  const headers = {
    "content-type": "application/json",
    ...(apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` }),
  };

  async function call(key: string, path: string, body?: ChargeRequest | RefundRequest): Promise<Answer> {
    try {
      const response = await fetch(`${base}${path}`, {
        method: body === undefined && !path.endsWith("/void") ? "GET" : "POST",
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
        redirect: "manual", // a charge must not be sent to wherever a misconfigured proxy points
      });
      const text = await response.text();
      if (response.status === 200) return answerOf(JSON.parse(text), key);
      // A 404 of a proxy, or of a wrong URL, is not the provider's word.
      if (response.status === 404 && (JSON.parse(text) as { code?: unknown })?.code === "NOT_FOUND") {
        return { kind: "not-found" };
      }
      return unknown(`status ${response.status}`);
    } catch (error) {
      const { code, message } = failureCode(error);
      return unknown(`${code}: ${message}`);
    }
  }

  const at = (orderId: string) => `/payments/${encodeURIComponent(orderId)}`;
  return {
    charge: ({ orderId, amount, currency, token }) =>
      call(orderId, "/payments", { key: orderId, amount, currency, token }),
    find: (orderId) => call(orderId, at(orderId)),
    void: (orderId) => call(orderId, `${at(orderId)}/void`),
    refund: (orderId, amount) => call(orderId, `${at(orderId)}/refunds`, { key: refundKey(orderId), amount }),
  };
}
