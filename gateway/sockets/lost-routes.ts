import type { Routing } from "./routing.ts";
import type { ClientSocket } from "./user-socket.ts";

const MAX_PASSED = 100;

/**
 * Detects that Redis lost routes without breaking a connection (FLUSHALL; a cluster node that came back empty). Each call checks
 * the route of one more socket, which costs one HEXISTS. `lost` is called once, and not again for sockets whose routes are
 * being written.
 * Returns what the sweep calls.
 */
export function createLostRouteCheck(
  sockets: ReadonlySet<ClientSocket>,
  routing: Pick<Routing, "stands">,
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
  /** The next socket whose route should exist. A call skips only some of the sockets that wait for their route. */
  const nextRouted = (): ClientSocket | undefined => {
    for (let tries = 0; tries < MAX_PASSED; tries++) {
      const socket = next();
      if (socket === undefined || !socket.data.mustRoute) return socket;
    }
    return undefined;
  };
  return () => {
    const socket = asking ? undefined : nextRouted();
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
