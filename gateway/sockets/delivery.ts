import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { placeOf } from "../../lua/inbox-cursor.ts";
import type { InboxMessage } from "../../lua/inbox-reader.ts";
import { withCursor } from "./replies.ts";
import type { ClientSocket } from "./user-socket.ts";

/** A message of role notify. */
export interface Pushed extends InboxMessage {
  /** The cursor of the message before it; empty: the first message of the inbox; absent: unknown. */
  readonly previous?: string;
}

/** Sends a personal message. A socket whose buffer is full is closed; after a reconnect `resume` delivers the message again. */
export function reply(socket: ClientSocket, text: string): boolean {
  const sent = socket.send(text);
  if (sent < 0) socket.data.buffers?.mayQueue(text.length);
  if (sent !== 0) return true;
  if (socket.data.isOpen) socket.close(CLOSE.SLOW_READER, "Messages were dropped: connect again and resume");
  return false;
}

/** Sends the inbox's next message. The caller has made sure that everything before it was sent. */
export function deliver(socket: ClientSocket, { cursor, json }: InboxMessage): boolean {
  if (!reply(socket, withCursor(json, cursor))) return false;
  socket.data.position = cursor;
  return true;
}

/** Whether a new socket's client may still be about to `resume`. */
export const isInGrace = (socket: ClientSocket): boolean => socket.data.graceUntil > performance.now();

/**
 * A push is sent if it is the next message of the inbox. Otherwise the socket is behind, and the inbox is read: a client keeps
 * the last cursor that it sees, so no message may be sent whose cursor lies beyond a message that was not sent.
 */
export function push(socket: ClientSocket, messages: readonly Pushed[]): void {
  const connection = socket.data;
  for (const message of messages) {
    const { position, isBehind, reading } = connection;
    if (position === null || isBehind || reading !== null || isInGrace(socket)) {
      connection.isBehind = true;
      return;
    }
    const place = placeOf(position, message.cursor, message.previous);
    if (place === "old") continue;
    if (place === "gap") {
      connection.isBehind = true;
      return;
    }
    if (!deliver(socket, message)) return;
  }
}
