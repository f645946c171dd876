import type { OpenLibrary } from "./library.ts";
import { Memory } from "./memory.ts";
import { IMMEDIATE, NO_CONSUMER_CLOSE, type Ptr } from "./symbols.ts";

/** Milliseconds that `close` waits for the end of the threads. After that they end without it. */
const LIMIT_MS = 5_000;
const LONGEST_PAUSE_MS = 20;

/**
 * Frees an rd_kafka_t. `rd_kafka_destroy` waits for librdkafka's threads, and one of them may wait for the resolver with a broker's
 * name. So it is called on a separate thread, and the event loop goes on. Where that is not possible, the threads are not waited
 * for, which leaks about 150 kB of memory (RD_KAFKA_DESTROY_F_IMMEDIATE).
 */
export async function destroyInBackground({ rd, threads }: OpenLibrary, rk: Ptr): Promise<void> {
  // C calls it as a void *(*)(void *): with one argument, and its return value is ignored.
  const destroy = (rd.rd_kafka_destroy as unknown as { readonly ptr?: Ptr }).ptr;
  const id = new Memory(8);
  if (threads === null || destroy === undefined || threads.pthread_create(id.at, null, destroy, rk) !== 0) {
    rd.rd_kafka_destroy_flags(rk, NO_CONSUMER_CLOSE | IMMEDIATE);
    return;
  }
  const thread = id.word(0);
  const until = performance.now() + LIMIT_MS;
  for (
    let pauseMs = 1;
    threads.pthread_tryjoin_np(thread, null) !== 0;
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
  ) {
    if (performance.now() > until) return void threads.pthread_detach(thread);
    await Bun.sleep(pauseMs);
  }
}
