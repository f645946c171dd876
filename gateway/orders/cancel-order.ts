import { recordOf } from "../../contracts/event-topics.ts";
import type { CancelAccepted } from "../../contracts/orders/http.ts";
import { orderCancelRequested } from "../../contracts/orders/messages.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import type { PlacedOrders } from "../../lua/placed-orders.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate, Identity } from "../auth/hs256.ts";
import { mayAct } from "../auth/roles.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { FindOrder, FoundOrder } from "./find-order.ts";

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
    const requestedBy = who.userId === userId ? "USER" : "OPERATOR";
    const first = await noteCancel(userId, orderId, { by: requestedBy, at: Date.now() });
    await log(recordOf(orderCancelRequested({ orderId, userId, requestedBy: first.by }, first.at))).catch((cause) => {
      const detail =
        "Kafka did not acknowledge in time: the outcome is unknown, the order may be cancelled; a repeated request is the same request";
      throw new StampedeError("OUTCOME_UNKNOWN", detail, { cause, extra: { orderId } });
    });
  }
  return { orderId, status: found.status };
}

/** POST /orders/:orderId/cancel, by id or number, by the order's owner or a treasurer. Idempotent. */
export function cancelOrderRoute(cancelling: Cancelling, authenticate: Authenticate): Handler {
  return async (request) => {
    const who = identify(request, authenticate);
    const found = await cancelling.find(request.params.orderId!, who);
    if (found === null) return problem("ORDER_NOT_FOUND");
    if (found.order.userId !== who.userId && !mayAct(who, "treasurer")) {
      throw new StampedeError("FORBIDDEN", "Only a treasurer may cancel the order of somebody else");
    }
    return json(202, await cancel(cancelling, found, who));
  };
}
