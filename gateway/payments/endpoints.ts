import { Type } from "@sinclair/typebox";
import { PaymentWebhook, SIGNATURE_HEADER } from "../../contracts/payments/webhook.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { type WebhookParts, webhookRoute } from "./webhook-route.ts";

/** The payment provider's webhook: part of the route table (app.ts). */
export function paymentEndpoints(parts: WebhookParts): Endpoint[] {
  return [
    {
      method: "POST",
      path: "/webhooks/payments",
      summary: `The payment provider's late outcomes, signed in the header ${SIGNATURE_HEADER}`,
      tag: "machines",
      security: "none",
      body: PaymentWebhook,
      headers: {
        [SIGNATURE_HEADER]: Type.String({ description: 't=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">' }),
      },
      answers: { 200: Type.Object({ status: Type.Literal("received") }) },
      refusals: ["SIGNATURE_INVALID", "SIGNATURE_EXPIRED", "KAFKA_UNAVAILABLE"],
      handler: webhookRoute(parts),
    },
  ];
}
