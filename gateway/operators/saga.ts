import { SagaChange, type SagaChoice, SagaView } from "../../contracts/orders/saga-mode.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

export interface SagaControl {
  /** The mode of new orders. @throws StampedeError DATABASE_UNAVAILABLE */
  read(): Promise<SagaView>;
  /** Stores the choice with its audit line. @throws StampedeError DATABASE_UNAVAILABLE */
  change(mode: SagaChoice, actor: string): Promise<SagaView>;
}

const SAGA = {
  path: "/admin/saga",
  tag: "admin",
  audience: "operator",
  cache: "no-store",
  audit: true,
  answers: { 200: SagaView },
  refusals: ["DATABASE_UNAVAILABLE"],
} as const;

/**
 * GET and PUT /admin/saga. Role order-saga reads the mode in the transaction that inserts orders, so a switch holds for the
 * next order. An order that is under way ends in the mode in which it began.
 */
export const sagaEndpoints = (control: SagaControl): Endpoint[] => [
  endpoint({
    ...SAGA,
    method: "GET",
    operationId: "getSagaMode",
    summary: "How the steps of new orders are requested",
    caller: "viewer",
    cost: "read",
    body: "none",
    idempotency: "none",
    handle: async () => json(200, await control.read()),
  }),
  endpoint({
    ...SAGA,
    method: "PUT",
    operationId: "switchSagaMode",
    summary: "Request the steps of new orders in parallel, one by one, or by the kind of order",
    caller: "admin",
    cost: "write",
    body: SagaChange,
    idempotency: "natural",
    handle: async ({ caller, body: { mode } }) => json(200, await control.change(mode, caller.userId)),
  }),
];
