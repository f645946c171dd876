import type { Listen } from "../../gateway/transports/transport.ts";
import { broadcastContract } from "./transport/broadcast.ts";
import { framingContract } from "./transport/framing.ts";
import { httpCornersContract, type ParserLimits } from "./transport/http-corners.ts";
import { idleContract } from "./transport/idle.ts";
import { limitsContract } from "./transport/limits.ts";
import { requestsContract } from "./transport/requests.ts";
import { routingContract } from "./transport/routing.ts";
import { socketsContract } from "./transport/sockets.ts";
import { stoppingContract } from "./transport/stopping.ts";

/** What every transport must do, over the network. An adapter's test calls this and nothing else. */
export function transportContract(name: string, listen: Listen, limits: ParserLimits): void {
  routingContract(name, listen);
  requestsContract(name, listen);
  httpCornersContract(name, listen, limits);
  framingContract(name, listen, limits);
  limitsContract(name, listen);
  stoppingContract(name, listen);
  socketsContract(name, listen);
  broadcastContract(name, listen);
  idleContract(name, listen);
}
