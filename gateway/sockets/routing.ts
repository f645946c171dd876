import type { Routes } from "../../lua/routes.ts";
import type { ClientSocket } from "./user-socket.ts";

/** Routes expire after a day; this interval is much shorter, and long enough to cost nothing. */
const TOUCH_MS = 6 * 3600_000;
/** Limit of routes renewed per sweep: sockets that opened in one second must not be renewed in one. */
const TOUCHES_PER_SWEEP = 200;

export interface Routing {
  add(socket: ClientSocket): Promise<void>;
  /** Removes the route of a closed socket. Never rejects: role notify prunes a route that it finds without a socket. */
  remove(socket: ClientSocket): void;
  /** Keeps old routes alive. */
  touch(sockets: Iterable<ClientSocket>, nowMs: number): void;
  /** Whether Redis still has the route of an open socket; true if the socket should have none. Rejects if Redis does not answer. */
  stands(socket: ClientSocket): Promise<boolean>;
  /** Removals in progress. */
  removing(): number;
}

/** Where the users' sockets are, for role notify. Connection ids are `<process>-<number>`, so none is used twice. */
export function createRouting(
  routes: Pick<Routes, "add" | "remove" | "touch" | "has">,
  gatewayId: string,
  onError: (error: unknown) => void,
): Routing {
  const tag = crypto.randomUUID().slice(0, 8);
  const idOf = (socket: ClientSocket) => `${tag}-${socket.data.number.toString(36)}`;
  let removing = 0;

  function remove(socket: ClientSocket): void {
    socket.data.isRouted = false;
    removing++;
    routes
      .remove(socket.data.userId!, idOf(socket))
      .catch(onError)
      .finally(() => removing--);
  }

  return {
    removing: () => removing,
    async add(socket) {
      const connection = socket.data;
      // Before the write: if its answer is lost, the route may exist all the same.
      connection.isRouted = true;
      await routes.add(connection.userId!, idOf(socket), gatewayId);
      connection.routedAt = performance.now();
      // Closed meanwhile: its removal may have overtaken the write.
      if (!connection.isOpen) remove(socket);
    },
    remove(socket) {
      if (socket.data.isRouted) remove(socket);
    },
    async stands(socket) {
      const connection = socket.data;
      const { isRouted, routedAt } = connection;
      if (!isRouted || routedAt === 0 || (await routes.has(connection.userId!, idOf(socket)))) return true;
      // The socket was closed, or its route written again, while Redis was asked.
      return !connection.isRouted || !connection.isOpen || connection.routedAt !== routedAt;
    },
    touch(sockets, nowMs) {
      let due = TOUCHES_PER_SWEEP;
      for (const { data } of sockets) {
        if (!data.isRouted || nowMs - data.routedAt < TOUCH_MS) continue;
        if (due-- === 0) return;
        data.routedAt = nowMs;
        routes.touch(data.userId!).catch(onError);
      }
    },
  };
}
