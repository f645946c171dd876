import { StampedeError } from "../../contracts/wire/errors.ts";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import type { Authenticate, Identity } from "../auth/identity.ts";
import { reply } from "./delivery.ts";
import { errorText, failureText, isTold, welcomeText } from "./replies.ts";
import type { ClientSocket } from "./user-socket.ts";

export interface TokenCheckParts {
  readonly authenticate: Authenticate;
  /** Called when the socket has authenticated. */
  readonly identified: (socket: ClientSocket, identity: Identity) => void;
  /** The clock that decides claims, milliseconds since 1970. */
  readonly now: () => number;
  /** Messages of one socket that may wait until its token is verified. */
  readonly maxWaiting: number;
  /** A token was refused. */
  readonly unsafe: (code: string, address: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Tokens of sockets: from the upgrade's header, or from `auth` messages. */
export class TokenCheck {
  readonly #parts: TokenCheckParts;

  constructor(parts: TokenCheckParts) {
    this.#parts = parts;
  }

  /** The token of an `auth` message. */
  auth(socket: ClientSocket, token: string): void {
    let identity: Identity | Promise<Identity>;
    try {
      identity = this.#parts.authenticate(token);
    } catch (error) {
      this.#refuse(socket, error);
      return;
    }
    this.take(socket, identity);
  }

  /** An identity, or the promise of one. Until it is there, the client's messages wait: none is refused for being early. */
  take(socket: ClientSocket, identity: Identity | Promise<Identity>): void {
    if (!(identity instanceof Promise)) {
      this.#accept(socket, identity);
      return;
    }
    const connection = socket.data;
    const verifying = identity
      .then(
        (who) => {
          if (connection.isOpen) this.#accept(socket, who);
        },
        (error) => {
          if (connection.isOpen) this.#refuse(socket, error);
        },
      )
      .catch(this.#parts.onError)
      .finally(() => {
        if (connection.verifying === verifying) connection.verifying = null;
      });
    connection.verifying = verifying;
  }

  /** Does the work of a message when the socket's token is verified. */
  afterwards(socket: ClientSocket, verifying: Promise<void>, work: () => void): void {
    const connection = socket.data;
    const { maxWaiting, onError } = this.#parts;
    if (connection.waiting >= maxWaiting) {
      reply(socket, errorText("OVERLOADED", `At most ${maxWaiting} messages of a socket at once`));
      return;
    }
    connection.waiting++;
    verifying
      .then(() => {
        connection.waiting--;
        if (connection.isOpen) work();
      })
      .catch(onError);
  }

  #accept(socket: ClientSocket, identity: Identity): void {
    const connection = socket.data;
    if (!identity.isCustomer) {
      this.#refuse(socket, new StampedeError("FORBIDDEN", "An operator's token is not a customer's"));
    } else if (connection.userId === null) this.#parts.identified(socket, identity);
    else if (connection.userId !== identity.userId) {
      reply(socket, errorText("FORBIDDEN", "This socket belongs to another user"));
    } else {
      connection.renew(identity);
      if (connection.position !== null)
        reply(socket, welcomeText(identity.userId, connection.position, this.#parts.now()));
    }
  }

  /** The socket is closed, so that tokens cannot be guessed on it. This also holds if an earlier token was accepted. */
  #refuse(socket: ClientSocket, error: unknown): void {
    if (!isTold(error)) this.#parts.onError(error);
    if (error instanceof StampedeError) this.#parts.unsafe(error.code, socket.data.address);
    reply(socket, failureText(error));
    socket.close(CLOSE.UNAUTHENTICATED, "The token was refused");
  }
}
