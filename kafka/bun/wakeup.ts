import { ptr } from "bun:ffi";
import type { Socket } from "bun";
import { KafkaError } from "../kafka.ts";
import type { Libc } from "./libc.ts";

/** librdkafka writes a queue's own byte here when that queue becomes non-empty. */
export interface Wakeup {
  /** The file descriptor that librdkafka writes to. */
  readonly fd: number;
  /** Frees both ends. The queues that write here must be gone, or they write into somebody else's descriptor. */
  close(): void;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** SOCK_NONBLOCK | SOCK_CLOEXEC exist on Linux only; elsewhere the few bytes never fill the socket anyway. */
const LINUX_FLAGS = 0o4000 | 0o2000000;

/**
 * A socket pair whose reading end Bun's event loop watches: a report costs one wake-up (about 4 µs) and an idle
 * client nothing, where a polling timer costs both latency and idle CPU.
 */
export function createWakeup(libc: Libc, wake: (queues: Uint8Array) => void): Wakeup {
  const ends = new Int32Array(2);
  const type = SOCK_STREAM | (process.platform === "linux" ? LINUX_FLAGS : 0);
  if (libc.socketpair(AF_UNIX, type, 0, ptr(ends)) !== 0) {
    throw new KafkaError("UNAVAILABLE", "no socket pair: the process has too many open files (ulimit -n)");
  }
  const [reading, writing] = ends as unknown as [number, number];
  let closed = false;
  let socket: Socket<unknown> | undefined;
  // Bytes written before the socket is attached wait in the pair.
  const attach = { fd: reading, socket: { data: (_: unknown, queues: Uint8Array) => wake(queues), error: () => {} } };
  // The types of Bun.connect leave out `fd`, which its documentation has.
  void Bun.connect(attach as unknown as Parameters<typeof Bun.connect>[0]).then((connected) => {
    socket = connected;
    if (closed) connected.terminate();
  });
  return {
    fd: writing,
    close() {
      closed = true;
      socket?.terminate();
      libc.close(writing);
    },
  };
}
