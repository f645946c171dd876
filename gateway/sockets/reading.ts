import { StampedeError } from "../../contracts/errors.ts";
import type { UserId } from "../../contracts/ids.ts";
import type { Inbox } from "../../lua/inbox.ts";
import type { ClientSocket } from "./connection.ts";
import { deliverOne, release, reply } from "./delivery.ts";
import { Position } from "./position.ts";
import {
  errorText,
  type OwnCoupon,
  type OwnOrder,
  type Page,
  resumedText,
  resyncText,
  welcomeText,
} from "./replies.ts";

export interface ReadingParts {
  readonly inbox: Pick<Inbox, "read" | "tail">;
  readonly addRoute: (socket: ClientSocket) => Promise<void>;
  /** A user's newest coupons from PostgreSQL. */
  readonly listCoupons: (userId: UserId) => Promise<Page<OwnCoupon>>;
  /** The same of orders. */
  readonly listOrders: (userId: UserId) => Promise<Page<OwnOrder>>;
  readonly onError: (error: unknown) => void;
}

/** Everything that reads a user's inbox for one socket: one reading at a time, and pushes wait meanwhile. */
export interface Reading {
  /** Route, then inbox, then `welcome`. Rejects if Redis does not answer. */
  welcome(socket: ClientSocket): Promise<void>;
  /** `resume`: all after `cursor` (null: all there is), then `resumed`, or `resync`. Failures are told to the client. */
  resume(socket: ClientSocket, cursor: string | null): Promise<void>;
  /** Pushes may have been missed: the route again, and all after what was sent last. Rejects if Redis does not answer. */
  catchUp(socket: ClientSocket): Promise<void>;
}

/** Messages read at once. */
const PAGE_SIZE = 100;

/**
 * How long pushes to a fresh socket wait for a `resume`. Sent before it, they would move the client's cursor past messages
 * that it has not got yet, and a connection that broke at that moment would lose them.
 */
const RESUME_GRACE_MS = 1000;

export function createReading(parts: ReadingParts): Reading {
  const { inbox, addRoute, listCoupons, listOrders, onError } = parts;

  /** Runs `read` when the socket's earlier readings are done, and lets the pushes go that came meanwhile. */
  function inTurn(socket: ClientSocket, read: () => Promise<void>): Promise<void> {
    const connection = socket.data;
    const turn = (connection.reading ?? Promise.resolve()).then(async () => {
      if (!connection.isOpen) return;
      connection.held ??= [];
      try {
        await read();
      } finally {
        if (connection.reading === settled) {
          connection.reading = null;
          if (connection.graceUntil <= Date.now()) release(socket);
        }
      }
    });
    const settled = turn.catch(() => {}); // told to whoever asked for this turn; the next one does not care
    connection.reading = settled;
    return turn;
  }

  /** Sends everything after `from`, in order. Returns how many; null: they were lost, the client has got the state instead. */
  async function replay(socket: ClientSocket, from: string | null): Promise<number | null> {
    const userId = socket.data.userId!;
    let position: Position | undefined;
    for (let cursor = from, sent = 0; ; ) {
      const page = await inbox.read(userId, cursor, PAGE_SIZE);
      if (page.lost) {
        await resync(socket, page.cursor);
        return null;
      }
      if (position === undefined) {
        // What is sent from here on counts from the client's own position.
        position = new Position(page.messages.length === 0 ? page.cursor : from);
        socket.data.position = position;
      }
      for (const message of page.messages) if (!deliverOne(socket, message)) return sent;
      sent += page.messages.length;
      cursor = page.cursor;
      if (page.messages.length < PAGE_SIZE) return sent;
    }
  }

  async function resync(socket: ClientSocket, cursor: string): Promise<void> {
    const userId = socket.data.userId!;
    const [coupons, orders] = await Promise.all([listCoupons(userId), listOrders(userId)]);
    socket.data.position = new Position(cursor);
    reply(socket, resyncText(cursor, coupons, orders));
  }

  async function greet(socket: ClientSocket): Promise<void> {
    const connection = socket.data;
    const userId = connection.userId!;
    // The position first: a message written after it is either read below or pushed over the route, so none falls between.
    const tail = await inbox.tail(userId);
    await addRoute(socket);
    const { lost, messages, cursor } = await inbox.read(userId, tail, PAGE_SIZE);
    if (!connection.isOpen) return;
    connection.position = new Position(lost ? cursor : tail);
    connection.held?.push(...messages);
    connection.graceUntil = connection.hasSpoken ? 0 : Date.now() + RESUME_GRACE_MS;
    reply(socket, welcomeText(userId, connection.position.last));
  }

  return {
    welcome: (socket) => inTurn(socket, () => greet(socket)),

    resume: (socket, cursor) =>
      inTurn(socket, async () => {
        try {
          if (socket.data.position === null) await greet(socket); // the welcome had failed
          const sent = await replay(socket, cursor);
          if (sent !== null) reply(socket, resumedText(socket.data.position!.last, sent));
        } catch (error) {
          onError(error);
          const code = error instanceof StampedeError ? error.code : "INTERNAL";
          reply(socket, errorText(code, "The inbox could not be read: resume again"));
        }
      }),

    catchUp: (socket) =>
      inTurn(socket, async () => {
        if (socket.data.position === null) {
          await greet(socket);
          return;
        }
        await addRoute(socket);
        await replay(socket, socket.data.position.last);
      }),
  };
}
