import { StampedeError } from "../../contracts/wire/errors.ts";
import type { ClientSocket } from "./connection.ts";
import { isInGrace, reply } from "./delivery.ts";
import type { Reading } from "./reading.ts";
import { errorText } from "./replies.ts";

/** Sockets caught up at once: after a Redis restart everybody is behind, and claims go first. */
const AT_ONCE = 16;

/** Failures after which a worker leaves the rest to the next sweep. */
const FAILURES = 20;

const isAway = (error: unknown): boolean => error instanceof StampedeError && error.code === "REDIS_UNAVAILABLE";

export interface CatchingUp {
  /** Greets a socket; if Redis does not answer, the client is told and is greeted later. */
  welcome(socket: ClientSocket): void;
  /** `resume`. Failures are told to the client, and the resume is tried again until it is answered. */
  resume(socket: ClientSocket, from: string | null): Promise<void>;
  /** Reads for a socket that is behind, unless somebody does already, or its client may be about to resume. */
  ifBehind(socket: ClientSocket): void;
  /** Pushes to these sockets may have been lost, or may be from now on: nothing is sent to them until they were read for. */
  behind(sockets: Iterable<ClientSocket>): void;
  /** Their routes may be gone as well, and it is time to repair both. */
  repair(sockets: Iterable<ClientSocket>): void;
  /** Works on those who wait. Called by the sweep. */
  run(): void;
  forget(socket: ClientSocket): void;
}

/** Brings sockets that missed pushes up to date without their clients having to connect again. */
export function createCatchingUp(reading: Reading, onError: (error: unknown) => void): CatchingUp {
  const waiting = new Set<ClientSocket>();
  let busy = 0;

  async function work(): Promise<void> {
    const failed: ClientSocket[] = [];
    busy++;
    for (const socket of waiting) {
      waiting.delete(socket);
      try {
        await reading.catchUp(socket);
      } catch (error) {
        failed.push(socket);
        onError(error);
        // Redis is still away: asking for the rest now would only burn time. One user's broken keys stop nobody else.
        if (isAway(error) || failed.length === FAILURES) break;
      }
    }
    busy--;
    for (const socket of failed) if (socket.data.isOpen) waiting.add(socket); // the next sweep tries again
  }

  function run(): void {
    for (let free = Math.min(AT_ONCE - busy, waiting.size); free > 0; free--) void work();
  }

  /** It failed: the client hears why, and it is tried again. */
  function later(socket: ClientSocket, error: unknown, detail: string): void {
    onError(error);
    if (!socket.data.isOpen) return;
    waiting.add(socket);
    reply(socket, errorText(error instanceof StampedeError ? error.code : "INTERNAL", detail));
  }

  return {
    welcome(socket) {
      reading
        .welcome(socket)
        .catch((error) => later(socket, error, "The inbox does not answer: `welcome` follows when it does"));
    },
    resume: (socket, from) =>
      reading
        .resume(socket, from)
        .catch((error) => later(socket, error, "The inbox could not be read: it is tried again until `resumed`")),
    ifBehind(socket) {
      const { isBehind, reading } = socket.data;
      if (!isBehind || reading !== null || isInGrace(socket)) return;
      waiting.add(socket);
      run();
    },
    behind(sockets) {
      for (const { data } of sockets) if (data.userId !== null) data.isBehind = true;
    },
    repair(sockets) {
      for (const socket of sockets) {
        if (socket.data.userId === null) continue;
        socket.data.isBehind = true;
        socket.data.mustRoute = true;
        waiting.add(socket);
      }
      run();
    },
    run,
    forget: (socket) => void waiting.delete(socket),
  };
}
