import { GrantPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import type { GrantLimits } from "../../db/shop/points.ts";
import { mayAct } from "../auth/roles.ts";
import { type Endpoint, endpoint, type OperatorCall, operatorCall } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

/** `limits` null: none. @throws StampedeError AMOUNT_OUT_OF_RANGE, GRANT_LIMIT, IDEMPOTENCY_KEY_REUSED, DATABASE_UNAVAILABLE */
export type Grant = (asking: OperatorCall, grant: GrantPoints, limits: GrantLimits | null) => Promise<PointsGranted>;

/** POST /admin/points/grants. The limits are those of a treasurer; an admin has none. */
export const grantPoints = (grant: Grant, limits: GrantLimits): Endpoint =>
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
    refusals: ["AMOUNT_OUT_OF_RANGE", "GRANT_LIMIT", "DATABASE_UNAVAILABLE"],
    handle: async (call) =>
      json(201, await grant(operatorCall(call), call.body, mayAct(call.caller, "admin") ? null : limits)),
  });
