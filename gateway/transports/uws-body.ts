import type { HttpResponse as NativeResponse } from "uWebSockets.js";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { BodyBytes } from "./transport.ts";

/** The client is gone, so no answer is needed. */
export class HungUp extends Error {}

/** The limits and counters that the bodies of one transport share. */
export interface BodyRules {
  readonly maxBytes: number;
  /** Bodies that have not arrived completely. */
  readonly incomplete: Set<Body>;
  readonly bytes: BodyBytes | undefined;
}

/** An arriving request body. It is collected from the handler's turn on, because uWebSockets.js drops data without a listener. */
export class Body {
  /** When its last bytes came, by performance.now(). */
  heardAt = performance.now();
  private chunks: Buffer[] = [];
  private size = 0;
  /** Bytes taken of the limit of all bodies. */
  private taken = 0;
  private outcome: Uint8Array | Error | undefined;
  private settle: ((outcome: Uint8Array | Error) => void) | undefined;

  constructor(
    readonly native: NativeResponse,
    private readonly rules: BodyRules,
  ) {}

  /** Call it in the handler's first turn. @param length the header's value, empty without one */
  collect(length: string): void {
    // uWebSockets.js reads and drops data that has no listener.
    if (Number(length) > this.rules.maxBytes) {
      this.end(this.tooLarge());
      return;
    }
    try {
      const bytes = length === "" ? this.rules.maxBytes : Number(length);
      this.rules.bytes?.take(bytes);
      this.taken = bytes;
    } catch (error) {
      this.end(error as Error);
      return;
    }
    this.rules.incomplete.add(this);
    this.native.onData((chunk, isLast) => this.take(chunk, isLast));
  }

  /** The whole body. It may be called late, or never. */
  read(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      if (this.outcome !== undefined) this.settle(this.outcome);
    });
  }

  /** The body is complete, or not needed any more. */
  end(outcome: Uint8Array | Error): void {
    if (this.outcome !== undefined) return;
    this.rules.incomplete.delete(this);
    this.rules.bytes?.give(this.taken);
    this.chunks = [];
    this.outcome = outcome;
    this.settle?.(outcome);
  }

  private take(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.outcome !== undefined) return;
    this.size += chunk.byteLength;
    if (this.size > this.rules.maxBytes) {
      this.end(this.tooLarge());
      return;
    }
    this.heardAt = performance.now();
    // The memory belongs to the addon and is valid in this turn only, so it is copied.
    if (chunk.byteLength > 0) this.chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (isLast) this.end(this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks));
  }

  private tooLarge(): StampedeError {
    return new StampedeError("BODY_TOO_LARGE", `A body may have ${this.rules.maxBytes} bytes`);
  }
}

/** uWebSockets.js allows ten seconds without data of a body; the gateway's limit may be shorter. Checked every second. */
export function cutSilentBodies(incomplete: ReadonlySet<Body>, idleTimeoutS: number): NodeJS.Timeout {
  const timer = setInterval(() => {
    const limit = performance.now() - idleTimeoutS * 1000;
    for (const body of incomplete) if (body.heardAt < limit) body.native.close();
  }, 1000);
  return timer.unref();
}
