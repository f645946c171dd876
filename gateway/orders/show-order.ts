import { orderView } from "../../contracts/orders/view.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { FindOrder } from "./find-order.ts";

/** GET /orders/:orderId, by id or number */
export function showOrderRoute(find: FindOrder, authenticate: Authenticate): Handler {
  return async (request) => {
    const who = identify(request, authenticate);
    const found = await find(request.params.orderId!, who);
    return found === null ? problem("ORDER_NOT_FOUND") : json(200, orderView(found));
  };
}
