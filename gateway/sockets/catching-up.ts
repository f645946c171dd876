import { StampedeError } from "../../contracts/errors.ts";
import type { ClientSocket } from "./connection.ts";
import { reply } from "./delivery.ts";
import type { Reading } from "./reading.ts";
import { errorText } from "./replies.ts";

/** Sockets caught up at once: after a Redis restart everybody is behind, and claims go first. */
const AT_ONCE = 16;

export interface CatchingUp {
  /** Greets a socket; if Redis does not answer, the client is told and is greeted later. */
  welcome(socket: ClientSocket): void;
  /** Pushes to these sockets may have been lost. */
  behind(sockets: Iterable<ClientSocket>): void;
  /** Works on those who are behind. Called by the sweep and when the subscription is back. */
  run(): void;
  forget(socket: ClientSocket): void;
  /** Nobody is behind. */
  isIdle(): boolean;
}

/** Brings sockets that missed pushes up to date without their clients having to connect again. */
export function createCatchingUp(reading: Reading, onError: (error: unknown) => void): CatchingUp {
  const waiting = new Set<ClientSocket>();
  let busy = 0;

  async function work(): Promise<void> {
    busy++;
    try {
      for (const socket of waiting) {
        waiting.delete(socket);
        try {
          await reading.catchUp(socket);
        } catch (error) {
          // Redis is still away: the next sweep tries again, and asking for the rest now would only burn time.
          if (socket.data.isOpen) waiting.add(socket);
          onError(error);
          return;
        }
      }
    } finally {
      busy--;
    }
  }

  return {
    welcome(socket) {
      reading.welcome(socket).catch((error) => {
        onError(error);
        if (!socket.data.isOpen) return;
        waiting.add(socket);
        const code = error instanceof StampedeError ? error.code : "INTERNAL";
        reply(socket, errorText(code, "The inbox does not answer: `welcome` follows when it does"));
      });
    },
    behind(sockets) {
      for (const socket of sockets) if (socket.data.userId !== null) waiting.add(socket);
    },
    run() {
      for (let free = Math.min(AT_ONCE - busy, waiting.size); free > 0; free--) void work();
    },
    forget: (socket) => void waiting.delete(socket),
    isIdle: () => busy === 0 && waiting.size === 0,
  };
}
