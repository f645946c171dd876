import { Type } from "@sinclair/typebox";
import { type EventRecord, recordOf } from "../../contracts/event-topics.ts";
import { paymentReported } from "../../contracts/orders/messages.ts";
import { PaymentWebhook, SIGNATURE_HEADER, verifyWebhook } from "../../contracts/payments/webhook.ts";
import type { SecretValue } from "../../contracts/wire/secret.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { jsonBytes } from "../http/json-body.ts";
import { json } from "../http/problem.ts";

export interface WebhookParts {
  /** Two while the secret is being changed. None: every call is refused. */
  readonly secrets: readonly SecretValue[];
  /** Resolves when the log has the report. @throws StampedeError KAFKA_UNAVAILABLE: the log may or may not have it */
  readonly publish: (record: EventRecord) => Promise<void>;
}

const read = jsonBytes(PaymentWebhook);
const RECEIVED = json(200, { status: "received" });

/**
 * POST /webhooks/payments: the payment provider reports about a payment. The report goes to the log without a lookup; the payment
 * role finds the payment. The answer is 200 only after the log has the report, so the provider repeats a report that was not
 * logged. A repeated report is the same event.
 */
export const paymentWebhook = ({ secrets, publish }: WebhookParts): Endpoint => {
  const texts = secrets.map((secret) => secret.reveal());
  return endpoint({
    method: "POST",
    path: "/webhooks/payments",
    operationId: "reportPayment",
    summary: `The payment provider's late outcomes, signed in the header ${SIGNATURE_HEADER}`,
    tag: "machines",
    audience: "public",
    caller: "anyone",
    cost: "write",
    body: { bytes: PaymentWebhook },
    headers: {
      [SIGNATURE_HEADER]: Type.String({ description: 't=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">' }),
    },
    idempotency: "natural",
    cache: "no-store",
    audit: false,
    answers: { 200: Type.Object({ status: Type.Literal("received") }) },
    refusals: ["SIGNATURE_INVALID", "SIGNATURE_EXPIRED", "KAFKA_UNAVAILABLE"],
    async handle(call) {
      // Before the body is parsed: a caller without the secret learns nothing about valid bodies.
      verifyWebhook(texts, call.header(SIGNATURE_HEADER), call.body, Date.now() / 1_000);
      const { key: orderId, id: providerEventId, outcome, amount, currency, occurredAt } = read(call.body);
      const data = { orderId, providerEventId, outcome, amount, currency };
      await publish(recordOf(paymentReported(data, Date.parse(occurredAt))));
      return RECEIVED;
    },
  });
};
