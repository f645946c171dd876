import type { ClientSocket } from "./connection.ts";
import type { Routing } from "./routing.ts";

const MAX_PASSED = 100;

/**
 * Finds out that Redis has forgotten routes without having broken a connection (FLUSHALL; a node of a cluster that came back
 * empty): asks for one socket's route after the other, one a call, which costs a HEXISTS. `lost` is told once and not
 * again by sockets whose routes are being written.
 * Returns what the sweep calls.
 */
export function createProbe(
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
  /** The next one whose route should stand; of many that wait for theirs only some are passed by. */
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
