import type { Socket } from "bun";
import { KafkaError } from "../kafka.ts";
import type { Libc } from "./libc.ts";
import { Memory } from "./memory.ts";

/** librdkafka writes the byte of a queue here when that queue becomes non-empty. */
export interface Wakeup {
  /** The file descriptor that librdkafka writes to. */
  readonly fd: number;
  /** Frees both ends. The queues that write here must be freed before, or they write into a reused descriptor. */
  close(): void;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** SOCK_NONBLOCK | SOCK_CLOEXEC exist on Linux only; elsewhere the few bytes never fill the socket. */
const LINUX_FLAGS = 0o4000 | 0o2000000;

/**
 * A socket pair whose reading end Bun's event loop watches: a report costs one wake-up (about 4 µs) and an idle
 * client nothing, where a polling timer costs both latency and idle CPU.
 * @param broken called once, with the reason, if the reading end is not watched (any more). It must still be closed
 * @throws KafkaError UNAVAILABLE when the process has no file descriptors left
 */
export function createWakeup(libc: Libc, wake: (queues: Uint8Array) => void, broken: (why: string) => void): Wakeup {
  const ends = new Memory(8);
  const type = SOCK_STREAM | (process.platform === "linux" ? LINUX_FLAGS : 0);
  if (libc.socketpair(AF_UNIX, type, 0, ends.at) !== 0) {
    throw new KafkaError("UNAVAILABLE", "no socket pair: the process has too many open files (ulimit -n)");
  }
  const [reading, writing] = [ends.int(0), ends.int(4)];
  let closed = false;
  let socket: Socket<unknown> | undefined;
  const handlers = {
    data: (_: unknown, queues: Uint8Array) => wake(queues),
    error: () => {}, // `close` follows
    close: () => {
      if (!closed) broken("its socket was closed");
    },
  };
  // Bytes written before the socket is attached wait in the pair. The types of Bun.connect leave out `fd`, which its
  // documentation has.
  const attach = { fd: reading, socket: handlers } as unknown as Parameters<typeof Bun.connect>[0];
  Bun.connect(attach).then(
    (connected) => {
      socket = connected;
      if (closed) connected.terminate();
    },
    (error: unknown) => {
      libc.close(reading); // Bun did not take over the descriptor
      if (!closed) broken(error instanceof Error ? error.message : String(error));
    },
  );
  return {
    fd: writing,
    close() {
      closed = true;
      socket?.terminate();
      libc.close(writing);
    },
  };
}
