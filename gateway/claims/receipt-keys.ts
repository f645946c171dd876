import {
  PublishedReceiptKeys,
  publishedKeys,
  RECEIPT_KEYS_PATH,
  type ReceiptKey,
} from "../../contracts/claims/receipt-keys.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import type { HttpResponse } from "../transports/transport.ts";

/** Seconds for which a cache may keep the keys: a new key must be published for longer before it signs. */
const KEEP_S = 300;

/** GET /.well-known/stampede-receipts.json */
export function showReceiptKeys(keys: readonly ReceiptKey[]): Endpoint {
  const answer: HttpResponse = {
    status: 200,
    headers: Object.freeze({
      "content-type": "application/json",
      "cache-control": `public, max-age=${KEEP_S}`,
      // A page of any origin may check a receipt.
      "access-control-allow-origin": "*",
    }),
    body: JSON.stringify(publishedKeys(keys)),
  };
  return endpoint({
    method: "GET",
    path: RECEIPT_KEYS_PATH,
    operationId: "getReceiptKeys",
    summary: "The public keys of signed receipts: next, current and retired ones",
    tag: "claims",
    audience: "public",
    caller: "anyone",
    cost: "free",
    body: "none",
    idempotency: "none",
    cache: { seconds: KEEP_S },
    audit: false,
    answers: { 200: PublishedReceiptKeys },
    refusals: [],
    handle: () => answer,
  });
}
