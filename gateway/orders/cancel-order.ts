import { recordOf } from "../../contracts/event-topics.ts";
import type { CancelAccepted } from "../../contracts/orders/http.ts";
import { orderCancelRequested } from "../../contracts/orders/messages.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import type { PlacedOrders } from "../../lua/placed-orders.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate, Identity } from "../auth/hs256.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { FindOrder, FoundOrder } from "./find-order.ts";

export interface Cancelling {
  readonly find: FindOrder;
  readonly noteCancel: PlacedOrders["noteCancel"];
  /** Resolves when the log has the record. Rejects if it may or may not have it. */
  readonly log: (record: OutgoingRecord) => Promise<void>;
}

/** On its way already, or there. */
const ENDING: ReadonlySet<string> = new Set(["CANCELLING", "COMPENSATING", "CANCELLED"]);

/** The saga says the last word: an order that is paid while the request is on its way is not cancelled. */
function refuseIfTooLate({ status, steps }: FoundOrder): void {
  if (status === "COMPLETED") throw new StampedeError("ORDER_NOT_CANCELLABLE", "the order is completed");
  if (steps.PAYMENT.status === "COMPLETED") throw new StampedeError("ORDER_NOT_CANCELLABLE", "the order is paid");
}

async function cancel({ noteCancel, log }: Cancelling, found: FoundOrder, who: Identity): Promise<CancelAccepted> {
  const { orderId, userId } = found.order;
  if (!ENDING.has(found.status)) {
    refuseIfTooLate(found);
    const requestedBy = who.userId === userId ? "USER" : "OPERATOR";
    const first = await noteCancel(userId, orderId, { by: requestedBy, at: Date.now() });
    await log(recordOf(orderCancelRequested({ orderId, userId, requestedBy: first.by }, first.at))).catch((cause) => {
      const detail =
        "Kafka did not acknowledge in time: the outcome is unknown, the order may be cancelled; asking again is asking once";
      throw new StampedeError("OUTCOME_UNKNOWN", detail, { cause, extra: { orderId } });
    });
  }
  return { orderId, status: found.status };
}

/** POST /orders/:orderId/cancel, by id or number: its owner's, or an operator's. Asking again is asking once. */
export function cancelOrderRoute(cancelling: Cancelling, authenticate: Authenticate): Handler {
  return async (request) => {
    const who = identify(request, authenticate);
    const found = await cancelling.find(request.params.orderId!, who);
    if (found === null) return problem("ORDER_NOT_FOUND");
    return json(202, await cancel(cancelling, found, who));
  };
}
