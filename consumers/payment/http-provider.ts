import { TypeCompiler } from "@sinclair/typebox/compiler";
import {
  type ChargeRequest,
  ProviderPayment,
  ProviderRefusal,
  REFUSED_STATUSES,
  type RefundRequest,
} from "../../contracts/payments/api.ts";
import { failureCode } from "../engine/failure.ts";
import { retryAfterMs } from "./back-off.ts";
import type { Definite, PaymentProvider, ProviderAnswer, Refused, Unknown } from "./provider.ts";

export interface HttpProviderOptions {
  readonly url: string;
  /** Sent as a bearer token; empty: none. */
  readonly apiKey: string;
  /** How long a call may take, milliseconds; later answers are lost, and found again by `find`. */
  readonly timeoutMs: number;
}

/** A payment takes less than 1 kB. What is longer is not read. */
const MAX_BODY = 65_536;

const isPayment = TypeCompiler.Compile(ProviderPayment);
const isRefusal = TypeCompiler.Compile(ProviderRefusal);
const unknown = (why: string, more: Partial<Unknown> = {}): Unknown => ({ kind: "unknown", why, ...more });

/** What a payment's description says for certain. One that contradicts itself is unknown, and an operator must look. */
function answerOf(body: unknown, key: string): Definite | Unknown {
  const odd = { alarm: true, alive: true };
  if (!isPayment.Check(body)) return unknown("the answer is not a payment", odd);
  if (body.key !== key) return unknown("the answer is about another payment", odd);
  const { status, capturedAmount: captured, refundedAmount: refunded, currency, reference, reason } = body;
  const contradiction = unknown(`${status} with ${captured} captured and ${refunded} refunded contradicts itself`, odd);
  if (refunded > captured) return contradiction;
  switch (status) {
    case "PENDING":
      return unknown("the provider is still working on it", { alive: true });
    case "REFUNDED":
      if (refunded < captured) return contradiction;
      return { kind: "refunded", captured, refunded, currency, reference };
    case "CAPTURED":
      return { kind: captured === refunded ? "refunded" : "captured", captured, refunded, currency, reference };
    case "DECLINED":
    case "VOIDED":
      if (captured > 0)
        return captured === refunded ? { kind: "refunded", captured, refunded, currency, reference } : contradiction;
      return { kind: status === "DECLINED" ? "declined" : "voided", reason, reference };
  }
}

interface Response {
  readonly status: number;
  /** undefined: no JSON. */
  readonly body: unknown;
  readonly waitMs: number;
}

/** Below 500, and still about all payments: our credentials, our rate. */
const ABOUT_ALL: ReadonlySet<number> = new Set([401, 429]);

/**
 * An answer that is not a payment: the outcome is unknown. A status below 500 also raises an alarm: the provider works, and
 * something is wrong with this payment or with our request.
 */
function unexpected({ status, waitMs }: Response): Unknown {
  const isOurs = status < 500;
  return unknown(`status ${status}`, {
    ...(isOurs ? { alarm: true } : {}),
    ...(isOurs && !ABOUT_ALL.has(status) ? { alive: true } : {}),
    ...(waitMs > 0 ? { waitMs } : {}),
  });
}

/** Talks the interface of contracts/payments/api.ts, which is the simulator's. */
export function createHttpProvider({ url, apiKey, timeoutMs }: HttpProviderOptions): PaymentProvider {
  const base = url.replace(/\/+$/, "");
  const headers = {
    "content-type": "application/json",
    ...(apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` }),
  };

  async function call(path: string, method: "GET" | "POST", body?: ChargeRequest | RefundRequest) {
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
        redirect: "manual", // a charge must not be sent to wherever a misconfigured proxy points
      });
      const waitMs = retryAfterMs(response.headers.get("retry-after"), Date.now());
      return { status: response.status, body: await jsonOf(response), waitMs };
    } catch (error) {
      const { code, message } = failureCode(error);
      return unknown(`${code}: ${message}`, code === "TimeoutError" ? { late: true } : {});
    }
  }

  const at = (orderId: string) => `/payments/${encodeURIComponent(orderId)}`;
  /** A payment, or nothing is known. */
  const said = (response: Response | Unknown, key: string): Definite | Unknown => {
    if ("kind" in response) return response;
    return response.status === 200 ? answerOf(response.body, key) : unexpected(response);
  };
  /** Of `find` and `void`: a payment, none, or nothing is known. */
  const saidOrNone = (response: Response | Unknown, key: string): ProviderAnswer => {
    // A 404 of a proxy, or of a wrong URL, is not the provider's word.
    const isUnknownThere =
      "status" in response &&
      response.status === 404 &&
      isRefusal.Check(response.body) &&
      response.body.code === "NOT_FOUND";
    return isUnknownThere ? { kind: "not-found" } : said(response, key);
  };
  return {
    async charge({ orderId, amount, currency, token }) {
      const response = await call("/payments", "POST", { key: orderId, amount, currency, token });
      return ("kind" in response ? null : refusalOf(response, orderId)) ?? said(response, orderId);
    },
    find: async (orderId) => saidOrNone(await call(at(orderId), "GET"), orderId),
    void: async (orderId) => saidOrNone(await call(`${at(orderId)}/void`, "POST"), orderId),
    refund: async (orderId, amount, key) =>
      said(await call(`${at(orderId)}/refunds`, "POST", { key, amount }), orderId),
  };
}

/** The provider's statement that it refuses this charge; null: it is none, or a proxy's page. */
function refusalOf({ status, body }: Response, orderId: string): Definite | Refused | null {
  if (!REFUSED_STATUSES.has(status)) return null;
  if (isRefusal.Check(body)) return { kind: "refused", code: body.code };
  const answer = answerOf(body, orderId);
  return answer.kind === "declined" ? answer : null;
}

/** The body as JSON; undefined: it is none, or longer than any answer of a payment provider. */
async function jsonOf(response: globalThis.Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BODY) return undefined; // leaving the loop cancels the rest
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined; // no JSON: the status alone counts
  }
}
