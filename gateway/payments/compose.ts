import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { createPublishReport } from "./publish-report.ts";
import { paymentWebhook } from "./webhook-route.ts";

/** The payment provider's webhook on Kafka. */
export const composePayments = ({ producer, onError }: GatewayConnections, config: GatewayConfig): Endpoint[] => [
  paymentWebhook({
    secrets: config.webhookSecrets,
    publish: createPublishReport(producer, config.WEBHOOK_ACK_MS, onError),
  }),
];
