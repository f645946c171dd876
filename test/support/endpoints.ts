import { auditEndpoint } from "../../gateway/audit/list-audit.ts";
import { claimDomainEndpoints } from "../../gateway/claims/compose.ts";
import { documentEndpoints } from "../../gateway/docs/documents.ts";
import type { Endpoint } from "../../gateway/http/endpoint.ts";
import { machineEndpoints } from "../../gateway/machines/compose.ts";
import { operatorEndpoints } from "../../gateway/operators/compose.ts";
import { orderEndpoints } from "../../gateway/orders/compose.ts";
import { paymentWebhook } from "../../gateway/payments/webhook-route.ts";
import { saleEndpoints } from "../../gateway/sales/compose.ts";
import { shopEndpoints } from "../../gateway/shop/compose.ts";

/** Stands for every part of an endpoint: declarations need none, and no handler is called. */
export const nothing: never = new Proxy(() => nothing, { get: () => nothing }) as never;

const served: readonly Endpoint[] = [
  ...claimDomainEndpoints(nothing),
  ...saleEndpoints(nothing),
  ...shopEndpoints(nothing),
  ...orderEndpoints(nothing),
  paymentWebhook(nothing),
  ...operatorEndpoints(nothing),
  auditEndpoint(nothing),
  ...machineEndpoints(nothing),
];

/** Every endpoint of a gateway, as declared. */
export const declaredEndpoints: readonly Endpoint[] = [...served, ...documentEndpoints(served, "public", true)];
