import { type OrderAccepted, PlaceOrder } from "../../contracts/orders/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { readTraceparent } from "../../contracts/wire/traceparent.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import { idempotencyKey } from "../operators/idempotency-key.ts";
import type { Handler, HttpRequest } from "../transports/transport.ts";
import type { PlaceOrderFor } from "./place-order.ts";

/** Called for each answer: ACCEPTED, REPEATED, or why the order was refused. */
export type ObserveOrder = (code: ResultCode, seconds: number) => void;

/** POST /orders */
export function placeOrderRoute(place: PlaceOrderFor, authenticate: Authenticate, observe: ObserveOrder): Handler {
  const read = jsonBody(PlaceOrder);

  async function answered(request: HttpRequest): Promise<OrderAccepted> {
    const { userId } = identify(request, authenticate);
    const key = idempotencyKey(request);
    const traceparent = readTraceparent(request.header("traceparent"));
    return await place({ userId, idempotencyKey: key, body: await read(request), traceparent });
  }

  return async (request) => {
    const begun = performance.now();
    const answeredWith = (code: ResultCode) => observe(code, (performance.now() - begun) / 1_000);
    try {
      const answer = await answered(request);
      answeredWith(answer.repeat ? "REPEATED" : "ACCEPTED");
      const response = json(202, answer);
      return { ...response, headers: { ...response.headers, location: answer.trackingUrl } };
    } catch (error) {
      answeredWith(error instanceof StampedeError ? error.code : "INTERNAL");
      throw error;
    }
  };
}
