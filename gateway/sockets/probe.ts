import type { CatchingUp } from "./catching-up.ts";
import type { ClientSocket } from "./connection.ts";
import type { Routing } from "./routing.ts";

/**
 * Finds out that Redis has forgotten routes without having broken a connection (FLUSHALL; a node of a cluster that came back
 * empty): asks for one socket's route after the other, one a call, which costs a HEXISTS. `lost` is told once and not
 * again while sockets are still being caught up.
 * Returns what the sweep calls.
 */
export function createProbe(
  sockets: ReadonlySet<ClientSocket>,
  routing: Pick<Routing, "stands">,
  catchingUp: Pick<CatchingUp, "isIdle">,
  lost: () => void,
  onError: (error: unknown) => void,
): () => void {
  let round = sockets.values();
  let asking = false;
  const next = (): ClientSocket | undefined => {
    const { value } = round.next();
    if (value !== undefined) return value;
    round = sockets.values();
    return round.next().value;
  };
  return () => {
    const socket = asking || !catchingUp.isIdle() ? undefined : next();
    if (socket === undefined) return;
    asking = true;
    routing
      .stands(socket)
      .then((stands) => {
        if (!stands) lost();
      }, onError)
      .finally(() => {
        asking = false;
      });
  };
}
