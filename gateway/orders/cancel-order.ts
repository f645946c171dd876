import { recordOf } from "../../contracts/event-topics.ts";
import { CancelAccepted } from "../../contracts/orders/http.ts";
import { orderCancelRequested } from "../../contracts/orders/messages.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import type { PlacedOrders } from "../../lua/placed-orders.ts";
import type { Identity } from "../auth/identity.ts";
import { mayAct } from "../auth/roles.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import { type FindOrder, type FoundOrder, isOwner } from "./find-order.ts";

export interface Cancelling {
  readonly find: FindOrder;
  readonly noteCancel: PlacedOrders["noteCancel"];
  /** Resolves when the log has the record. Rejects if it may or may not have it. */
  readonly log: (record: OutgoingRecord) => Promise<void>;
}

/** The order is being cancelled, or is cancelled. */
const ENDING: ReadonlySet<string> = new Set(["CANCELLING", "COMPENSATING", "CANCELLED"]);

/** A first check; the saga decides. An order that is paid while the request is on its way is not cancelled. */
function refuseIfTooLate({ status, steps }: FoundOrder): void {
  if (status === "COMPLETED") throw new StampedeError("ORDER_NOT_CANCELLABLE", "the order is completed");
  if (steps.PAYMENT.status === "COMPLETED") throw new StampedeError("ORDER_NOT_CANCELLABLE", "the order is paid");
}

async function cancel({ noteCancel, log }: Cancelling, found: FoundOrder, who: Identity): Promise<CancelAccepted> {
  const { orderId, userId } = found.order;
  if (!ENDING.has(found.status)) {
    refuseIfTooLate(found);
    const requestedBy = isOwner(who, found) ? "USER" : "OPERATOR";
    const first = await noteCancel(userId, orderId, { by: requestedBy, at: Date.now() });
    await log(recordOf(orderCancelRequested({ orderId, userId, requestedBy: first.by }, first.at))).catch((cause) => {
      const detail =
        "Kafka did not acknowledge in time: the outcome is unknown, the order may be cancelled; a repeated request is the same request";
      throw new StampedeError("OUTCOME_UNKNOWN", detail, { cause, extra: { orderId } });
    });
  }
  return { orderId, status: found.status };
}

/** POST /orders/:orderId/cancel, by id or number, by the order's owner or a treasurer. */
export const cancelOrder = (cancelling: Cancelling): Endpoint =>
  endpoint({
    method: "POST",
    path: "/orders/:orderId/cancel",
    operationId: "cancelOrder",
    summary: "Request that an order is cancelled, which is possible until it is paid",
    tag: "orders",
    audience: "public",
    caller: "user",
    alsoForOperators: true,
    cost: "write",
    body: "none",
    idempotency: "natural",
    cache: "no-store",
    audit: true,
    answers: { 202: CancelAccepted },
    refusals: [
      "ORDER_NOT_FOUND",
      "ORDER_NOT_CANCELLABLE",
      "FORBIDDEN",
      "OUTCOME_UNKNOWN",
      "REDIS_UNAVAILABLE",
      "DATABASE_UNAVAILABLE",
    ],
    async handle(call) {
      const found = await cancelling.find(call.params.orderId!, call.caller);
      if (found === null) return call.refuse("ORDER_NOT_FOUND");
      if (!isOwner(call.caller, found) && !mayAct(call.caller, "treasurer")) {
        throw new StampedeError("FORBIDDEN", "Only a treasurer may cancel the order of another user");
      }
      return json(202, await cancel(cancelling, found, call.caller));
    },
  });
