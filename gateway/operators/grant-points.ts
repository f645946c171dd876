import { GrantPoints, type PointsGranted } from "../../contracts/shop/http-points.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import type { OperatorCall } from "./products.ts";

/** @throws StampedeError AMOUNT_OUT_OF_RANGE, IDEMPOTENCY_KEY_REUSED, DATABASE_UNAVAILABLE */
export type Grant = (asking: OperatorCall, grant: GrantPoints) => Promise<PointsGranted>;

/** POST /admin/points/grants */
export function grantPointsRoute(grant: Grant, authenticate: Authenticate): Handler {
  const read = jsonBody(GrantPoints);
  return async (request) => {
    const asking = { actor: identifyOperator(request, authenticate).userId, idempotencyKey: idempotencyKey(request) };
    return json(201, await grant(asking, await read(request)));
  };
}
