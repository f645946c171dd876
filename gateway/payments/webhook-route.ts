import { type EventRecord, recordOf } from "../../contracts/event-topics.ts";
import { paymentReported } from "../../contracts/orders/messages.ts";
import { PaymentWebhook, SIGNATURE_HEADER, verifyWebhook } from "../../contracts/payments/webhook.ts";
import { jsonBytes } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

export interface WebhookParts {
  /** Empty: nobody can sign, so every call is refused. */
  readonly secret: string;
  /** Resolves when the log has it. @throws StampedeError KAFKA_UNAVAILABLE: perhaps it has, perhaps not */
  readonly publish: (record: EventRecord) => Promise<void>;
}

const read = jsonBytes(PaymentWebhook);
const RECEIVED = json(200, { status: "received" });

/**
 * The payment provider tells what became of a payment. Nothing is looked up: what it says goes to the log, where the
 * payment role finds the payment. 200 only once the log has it, so a provider that repeats what was not taken loses
 * nothing; what comes twice is one event.
 */
export function webhookRoute({ secret, publish }: WebhookParts): Handler {
  return async (request) => {
    const signature = request.header(SIGNATURE_HEADER);
    const bytes = await request.body();
    // Before the body is understood: a stranger learns nothing about what we would take.
    verifyWebhook(secret, signature, bytes, Date.now() / 1_000);
    const { key: orderId, id: providerEventId, outcome, amount, currency, occurredAt } = read(bytes);
    const data = { orderId, providerEventId, outcome, amount, currency };
    await publish(recordOf(paymentReported(data, Date.parse(occurredAt))));
    return RECEIVED;
  };
}
