import { PlaceOrder } from "../../contracts/http-orders.ts";
import { idempotencyKey } from "../admin/idempotency-key.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../json-body.ts";
import { json } from "../problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { PlaceOrderFor } from "./place-order.ts";

/** POST /orders */
export function placeOrderRoute(place: PlaceOrderFor, authenticate: Authenticate): Handler {
  const read = jsonBody(PlaceOrder);
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const key = idempotencyKey(request);
    const traceparent = request.header("traceparent");
    const answer = await place({ userId, idempotencyKey: key, body: await read(request), traceparent });
    const response = json(202, answer);
    return { ...response, headers: { ...response.headers, location: answer.trackingUrl } };
  };
}
