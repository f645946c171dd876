import { GrantPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import { type Endpoint, endpoint, type OperatorCall, operatorCall } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

/** @throws StampedeError AMOUNT_OUT_OF_RANGE, IDEMPOTENCY_KEY_REUSED, DATABASE_UNAVAILABLE */
export type Grant = (asking: OperatorCall, grant: GrantPoints) => Promise<PointsGranted>;

/** POST /admin/points/grants */
export const grantPoints = (grant: Grant): Endpoint =>
  endpoint({
    method: "POST",
    path: "/admin/points/grants",
    operationId: "grantPoints",
    summary: "Give points to a user",
    tag: "admin",
    audience: "operator",
    caller: "treasurer",
    cost: "write",
    body: GrantPoints,
    idempotency: "key",
    cache: "no-store",
    audit: true,
    answers: { 201: PointsGranted },
    refusals: ["AMOUNT_OUT_OF_RANGE", "DATABASE_UNAVAILABLE"],
    handle: async (call) => json(201, await grant(operatorCall(call), call.body)),
  });
