import { StampedeError } from "../../contracts/wire/errors.ts";
import { isInGrace, reply } from "./delivery.ts";
import type { InboxReading } from "./inbox-reading.ts";
import { errorText } from "./replies.ts";
import type { ClientSocket } from "./user-socket.ts";

/** Limit of sockets that catch up at once: after a Redis restart every socket is behind, and claims have priority. */
const AT_ONCE = 16;

/** Failures after which a worker leaves the rest to the next sweep. */
const FAILURES = 20;

const isAway = (error: unknown): boolean => error instanceof StampedeError && error.code === "REDIS_UNAVAILABLE";

export interface CatchingUp {
  /** Sends `welcome`; if Redis does not answer, the client is told, and `welcome` follows later. */
  welcome(socket: ClientSocket): void;
  /** `resume`. Failures are told to the client, and the resume is tried again until it is answered. */
  resume(socket: ClientSocket, from: string | null): Promise<void>;
  /** Reads the inbox for a socket that is behind, unless a reading runs, or its client may be about to resume. */
  ifBehind(socket: ClientSocket): void;
  /** Pushes to these sockets may be lost, so nothing is sent to them until their inbox was read. */
  behind(sockets: Iterable<ClientSocket>): void;
  /** The same, and their routes may be lost as well: repairs both. */
  repair(sockets: Iterable<ClientSocket>): void;
  /** Works on the waiting sockets. Called by the sweep. */
  run(): void;
  forget(socket: ClientSocket): void;
}

/** Brings sockets that missed pushes up to date without their clients having to connect again. */
export function createCatchingUp(reading: InboxReading, onError: (error: unknown) => void): CatchingUp {
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
        // Redis is still away, so the others wait for the next sweep. The broken keys of one user stop no other socket.
        if (isAway(error) || failed.length === FAILURES) break;
      }
    }
    busy--;
    for (const socket of failed) if (socket.data.isOpen) waiting.add(socket); // the next sweep tries again
  }

  function run(): void {
    for (let free = Math.min(AT_ONCE - busy, waiting.size); free > 0; free--) void work();
  }

  /** After a failure: tells the client why, and tries again later. */
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
