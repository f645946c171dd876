import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Inbox } from "../../lua/inbox.ts";
import { isBetween, isSameServer } from "../../lua/inbox-cursor.ts";
import type { InboxPage } from "../../lua/inbox-reader.ts";
import { deliver, isInGrace, reply } from "./delivery.ts";
import { type OwnCoupon, type OwnOrder, type OwnPage, resumedText, resyncText, welcomeText } from "./replies.ts";
import type { ClientSocket, PendingResume, UserSocket } from "./user-socket.ts";

export interface ReadingParts {
  readonly inbox: Pick<Inbox, "read" | "positionAt">;
  readonly addRoute: (socket: ClientSocket) => Promise<void>;
  /** A user's newest coupons from PostgreSQL. */
  readonly listCoupons: (userId: UserId) => Promise<OwnPage<OwnCoupon>>;
  /** A user's newest orders from PostgreSQL. */
  readonly listOrders: (userId: UserId) => Promise<OwnPage<OwnOrder>>;
  /** The clock that decides claims, milliseconds since 1970. */
  readonly now: () => number;
  /** Called when the readings of a socket are done; it may be behind again. */
  readonly done: (socket: ClientSocket) => void;
}

/** Messages per read. */
const PAGE_SIZE = 100;

/**
 * How long new messages wait for a new socket's `resume`. Sent before it, they would move the client's cursor past messages
 * that the client has not got yet, and a connection that breaks at that moment would lose those.
 */
const RESUME_GRACE_MS = 1000;

/** Limit of unanswered resumes of one socket; beyond it the latest ones are kept. */
const MAX_RESUMES = 16;

function answered(connection: UserSocket, resume: PendingResume | undefined): void {
  const left = connection.resumes?.filter((other) => other !== resume) ?? [];
  connection.resumes = left.length === 0 ? null : left;
}

/**
 * Reads a user's inbox for one socket, one reading at a time. A failed reading rejects and leaves the socket unchanged: behind,
 * with its position and its resume, for another try.
 */
export class InboxReading {
  readonly #parts: ReadingParts;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** Position, then route, then `welcome`. */
  welcome(socket: ClientSocket): Promise<void> {
    return this.#inTurn(socket, () => this.#greet(socket));
  }

  /** `resume`: all after `from` (null: all there is), then `resumed`, or `resync`. */
  resume(socket: ClientSocket, from: string | null): Promise<void> {
    const connection = socket.data;
    // Noted at once, because a running reading must not send messages beyond the client's cursor.
    const { welcomedAt: after, position: upTo } = connection;
    const early = after === null || upTo === null || after === upTo ? null : { after, upTo };
    connection.welcomedAt = null;
    const resume: PendingResume = { from, sent: 0, early };
    connection.resumes ??= [];
    if (connection.resumes.push(resume) > MAX_RESUMES) connection.resumes.shift();
    return this.#inTurn(socket, async () => {
      if (!connection.resumes?.includes(resume)) return;
      if (connection.position === null) await this.#greet(socket); // the welcome had failed
      await this.#replay(socket);
    });
  }

  /** Delivers what a socket lacks: its welcome, its route, the answer to its resume, messages. */
  catchUp(socket: ClientSocket): Promise<void> {
    return this.#inTurn(socket, async () => {
      const connection = socket.data;
      if (connection.position === null) await this.#greet(socket);
      if (connection.mustRoute) await this.#addRoute(socket);
      if (connection.resumes !== null || (connection.isBehind && !isInGrace(socket))) await this.#replay(socket);
    });
  }

  /** Runs `read` when the socket's earlier readings are done. */
  #inTurn(socket: ClientSocket, read: () => Promise<void>): Promise<void> {
    const connection = socket.data;
    const turn = (connection.reading ?? Promise.resolve()).then(async () => {
      if (!connection.isOpen) return;
      try {
        await read();
      } catch (error) {
        connection.isBehind = true;
        throw error;
      } finally {
        if (connection.reading === settled) connection.reading = null;
      }
      if (connection.reading === null) this.#parts.done(socket);
    });
    const settled = turn.catch(() => {}); // the caller of this turn gets the error; the next turn runs anyway
    connection.reading = settled;
    return turn;
  }

  async #addRoute(socket: ClientSocket): Promise<void> {
    const connection = socket.data;
    connection.mustRoute = false; // before the write: a loss that is detected meanwhile sets it again
    try {
      await this.#parts.addRoute(socket);
    } catch (error) {
      connection.mustRoute = true;
      throw error;
    }
  }

  async #greet(socket: ClientSocket): Promise<void> {
    const connection = socket.data;
    const userId = connection.userId!;
    // The position first: a message written after it is either read below or pushed over the route, so none is missed.
    const position = await this.#parts.inbox.positionAt(userId, connection.identifiedAt);
    await this.#addRoute(socket);
    const { lost, messages } = await this.#parts.inbox.read(userId, position, 1);
    if (!connection.isOpen) return;
    connection.position = position;
    connection.welcomedAt = connection.hasSpoken ? null : position;
    if (lost || messages.length > 0) connection.isBehind = true;
    connection.graceUntil = connection.hasSpoken ? 0 : performance.now() + RESUME_GRACE_MS;
    reply(socket, welcomeText(userId, position, this.#parts.now()));
  }

  /** A page after `from`. After a restart the inbox may begin later than before; that counts as lost too. */
  async #readPage(socket: ClientSocket, from: string | null): Promise<InboxPage> {
    const { userId, position } = socket.data;
    const page = await this.#parts.inbox.read(userId!, from, PAGE_SIZE);
    if (from !== null || position === null || isSameServer(position, page.cursor)) return page;
    return await this.#parts.inbox.read(userId!, position, PAGE_SIZE);
  }

  /** Sends the client the state from PostgreSQL instead of the lost messages. */
  async #resync(socket: ClientSocket, cursor: string): Promise<void> {
    const connection = socket.data;
    const userId = connection.userId!;
    const [coupons, orders] = await Promise.all([this.#parts.listCoupons(userId), this.#parts.listOrders(userId)]);
    if (!connection.isOpen || !reply(socket, resyncText(cursor, coupons, orders))) return;
    connection.position = cursor;
  }

  /** Sends one page and moves the position. Returns whether the socket continues. */
  #send(socket: ClientSocket, page: InboxPage, resume: PendingResume | undefined): boolean {
    for (const message of page.messages) {
      const { early } = resume ?? { early: null };
      if (early !== null && isBetween(early.after, message.cursor, early.upTo)) continue;
      if (!deliver(socket, message)) return false;
      if (resume === undefined) continue;
      resume.from = message.cursor; // after a failure behind this message the next reading continues here
      resume.sent++;
    }
    socket.data.position = page.cursor;
    return true;
  }

  /** Answers the socket's resumes, and sends everything after its position, until nothing is left. */
  async #replay(socket: ClientSocket): Promise<void> {
    const connection = socket.data;
    for (let losses = 0; connection.isOpen; ) {
      connection.isBehind = false; // a push during the reading sets it again
      const resume = connection.resumes?.[0];
      const page = await this.#readPage(socket, resume === undefined ? connection.position : resume.from);
      if (!connection.isOpen) return;
      // A resume came meanwhile: the messages that were read may lie beyond the client's cursor.
      if (connection.resumes?.[0] !== resume) continue;
      if (page.lost) {
        if (++losses > 1) throw new StampedeError("INTERNAL", "The inbox loses its newest position");
        await this.#resync(socket, page.cursor);
        answered(connection, resume);
        if (resume !== undefined) losses = 0; // the next resume may name a lost cursor, too
        continue; // the remaining messages of the inbox follow the state
      }
      losses = 0;
      if (!this.#send(socket, page, resume)) return;
      if (page.messages.length === PAGE_SIZE) continue;
      answered(connection, resume);
      if (resume !== undefined && !reply(socket, resumedText(page.cursor, resume.sent))) return;
      if (!connection.isBehind && connection.resumes === null) return;
    }
  }
}
