import { CLOSE } from "../../contracts/socket-messages.ts";
import type { InboxMessage } from "../../lua/inbox.ts";
import type { ClientSocket } from "./connection.ts";
import { isAfter } from "./cursor-order.ts";
import { withCursor } from "./replies.ts";

/** Pushes kept back for one socket while its inbox is being read; more means that reading does not get anywhere. */
const MAX_HELD = 1000;

/** Sends what only this socket gets. A socket that cannot take it is closed: after a reconnect, `resume` brings it again. */
export function reply(socket: ClientSocket, text: string): boolean {
  if (socket.send(text) !== 0) return true;
  tooSlow(socket);
  return false;
}

function tooSlow(socket: ClientSocket): void {
  if (socket.data.isOpen) socket.close(CLOSE.SLOW_READER, "Messages were dropped: connect again and resume");
}

/**
 * Sends a message of the inbox, once. One that was overtaken carries the position of the newest that was sent: the client,
 * who keeps the last cursor it sees, must not be set back by it.
 */
export function deliverOne(socket: ClientSocket, { cursor, json }: InboxMessage): boolean {
  const position = socket.data.position;
  if (position === null || !position.take(cursor)) return true;
  return reply(socket, withCursor(json, position.last));
}

/** A push: sent now, or kept back while older messages are on their way. */
export function push(socket: ClientSocket, messages: readonly InboxMessage[]): void {
  const { held } = socket.data;
  if (held === null) {
    for (const message of messages) if (!deliverOne(socket, message)) return;
  } else if (held.length + messages.length > MAX_HELD) tooSlow(socket);
  else held.push(...messages);
}

/** Sends what was kept back, in the order of the inbox. */
export function release(socket: ClientSocket): void {
  const { held } = socket.data;
  socket.data.held = null;
  if (held === null || !socket.data.isOpen) return;
  held.sort((a, b) => (a.cursor === b.cursor ? 0 : isAfter(a.cursor, b.cursor) ? 1 : -1));
  push(socket, held);
}
