import { type EventRecord, recordOf } from "../../contracts/event-topics.ts";
import { paymentReported } from "../../contracts/orders/messages.ts";
import { PaymentWebhook, SIGNATURE_HEADER, verifyWebhook } from "../../contracts/payments/webhook.ts";
import type { SecretValue } from "../../contracts/wire/secret.ts";
import { jsonBytes } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

export interface WebhookParts {
  /** Two while the secret is being changed. None: every call is refused. */
  readonly secrets: readonly SecretValue[];
  /** Resolves when the log has the report. @throws StampedeError KAFKA_UNAVAILABLE: the log may or may not have it */
  readonly publish: (record: EventRecord) => Promise<void>;
}

const read = jsonBytes(PaymentWebhook);
const RECEIVED = json(200, { status: "received" });

/**
 * The payment provider reports about a payment. The report goes to the log without a lookup; the payment role finds the
 * payment. The answer is 200 only after the log has the report, so the provider repeats a report that was not logged. A
 * repeated report is the same event.
 */
export function webhookRoute({ secrets, publish }: WebhookParts): Handler {
  const texts = secrets.map((secret) => secret.reveal());
  return async (request) => {
    const signature = request.header(SIGNATURE_HEADER);
    const bytes = await request.body();
    // Before the body is parsed: a caller without the secret learns nothing about valid bodies.
    verifyWebhook(texts, signature, bytes, Date.now() / 1_000);
    const { key: orderId, id: providerEventId, outcome, amount, currency, occurredAt } = read(bytes);
    const data = { orderId, providerEventId, outcome, amount, currency };
    await publish(recordOf(paymentReported(data, Date.parse(occurredAt))));
    return RECEIVED;
  };
}
