import { SagaChange, type SagaChoice, SagaView } from "../../contracts/orders/saga-mode.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";

export interface SagaControl {
  /** The mode of new orders. @throws StampedeError DATABASE_UNAVAILABLE */
  read(): Promise<SagaView>;
  /** Stores the choice with its audit line. @throws StampedeError DATABASE_UNAVAILABLE */
  change(mode: SagaChoice, actor: string): Promise<SagaView>;
}

/**
 * GET and PUT /admin/saga. Role order-saga reads the mode in the transaction that inserts orders, so a switch holds for the
 * next order. An order that is under way ends in the mode in which it began.
 */
export function sagaEndpoints(control: SagaControl, authenticate: Authenticate): Endpoint[] {
  const read = jsonBody(SagaChange);
  const common = { path: "/admin/saga", tag: "admin", security: "operator", answers: { 200: SagaView } } as const;
  return [
    {
      ...common,
      method: "GET",
      summary: "How the steps of new orders are requested",
      refusals: ["DATABASE_UNAVAILABLE"],
      async handler(request) {
        identifyOperator(request, authenticate);
        return json(200, await control.read());
      },
    },
    {
      ...common,
      method: "PUT",
      summary: "Request the steps of new orders in parallel, one by one, or by the kind of order",
      body: SagaChange,
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "DATABASE_UNAVAILABLE"],
      async handler(request) {
        const { userId } = identifyOperator(request, authenticate);
        const { mode } = await read(request);
        return json(200, await control.change(mode, userId));
      },
    },
  ];
}
