import type { Socket } from "../transports/transport.ts";

type BufferedSocket = Pick<Socket<unknown>, "bufferedAmount" | "terminate">;

/** Counting is worth its time only after at least this share of the limit may have been queued since the last count. */
const LEAST_SHARE = 1 / 16;
/** Sockets are cut until the rest is this share of the limit, so that the next message does not cut again. */
const LEFT_SHARE = 3 / 4;

/**
 * Bounds the bytes that all sockets together have queued for clients that read slowly. How much one has queued only the transport
 * knows, and broadcasts queue without telling. So what may have been queued is added up, and the sockets are counted only when the
 * sum could reach the limit; those with the most bytes are then cut.
 */
export class SendBuffers {
  /** Bytes queued at the last count. */
  #counted = 0;
  /** Bytes that may have been queued since. */
  #added = 0;

  /**
   * @param limit bytes
   * @param sockets all open sockets
   * @param cut called for each socket that was cut
   */
  constructor(
    private readonly limit: number,
    private readonly sockets: Iterable<BufferedSocket>,
    private readonly cut: () => void,
  ) {}

  /** Bytes may have been queued: by a message to a slow client, or by a broadcast. */
  mayQueue(bytes: number): void {
    this.#added += bytes;
    if (this.#added > Math.max(this.limit - this.#counted, this.limit * LEAST_SHARE)) this.#count();
  }

  #count(): void {
    const slow: { readonly socket: BufferedSocket; readonly bytes: number }[] = [];
    let total = 0;
    for (const socket of this.sockets) {
      const bytes = socket.bufferedAmount();
      if (bytes === 0) continue;
      total += bytes;
      slow.push({ socket, bytes });
    }
    if (total > this.limit) {
      slow.sort((a, b) => b.bytes - a.bytes);
      for (const { socket, bytes } of slow) {
        if (total <= this.limit * LEFT_SHARE) break;
        total -= bytes;
        this.cut();
        socket.terminate(); // a close frame would wait behind what the client does not read
      }
    }
    this.#counted = total;
    this.#added = 0;
  }
}
