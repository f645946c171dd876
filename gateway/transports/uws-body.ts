import type { HttpResponse as NativeResponse } from "uWebSockets.js";
import { StampedeError } from "../../contracts/wire/errors.ts";

/** The client is gone: nobody waits for what reading its body would have led to. */
export class HungUp extends Error {}

/** What the bodies of one transport have in common. */
export interface BodyRules {
  readonly maxBytes: number;
  /** Bodies that have not arrived to their end. */
  readonly incomplete: Set<Body>;
}

/** A request's body on its way in. It is collected from the handler's turn on, because uWebSockets.js drops what nobody hears. */
export class Body {
  /** When its last bytes came, by performance.now(). */
  heardAt = performance.now();
  private chunks: Buffer[] = [];
  private size = 0;
  private outcome: Uint8Array | Error | undefined;
  private settle: ((outcome: Uint8Array | Error) => void) | undefined;

  constructor(
    readonly native: NativeResponse,
    private readonly rules: BodyRules,
  ) {}

  /** Only while the handler's first turn lasts. @param length the header's value, empty without one */
  collect(length: string): void {
    // What is not heard is read and dropped by uWebSockets.js.
    if (Number(length) > this.rules.maxBytes) this.end(this.tooLarge());
    else {
      this.rules.incomplete.add(this);
      this.native.onData((chunk, isLast) => this.take(chunk, isLast));
    }
  }

  /** The whole body. May be called late, and not at all. */
  read(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      if (this.outcome !== undefined) this.settle(this.outcome);
    });
  }

  /** Nothing more comes, or nobody wants it. */
  end(outcome: Uint8Array | Error): void {
    if (this.outcome !== undefined) return;
    this.rules.incomplete.delete(this);
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
    // The memory is the addon's, and only for now.
    if (chunk.byteLength > 0) this.chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (isLast) this.end(this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks));
  }

  private tooLarge(): StampedeError {
    return new StampedeError("BODY_TOO_LARGE", `A body may have ${this.rules.maxBytes} bytes`);
  }
}

/** uWebSockets.js forgives a body ten seconds of silence; the gateway's own limit may be shorter. Ticks in seconds. */
export function cutSilentBodies(incomplete: ReadonlySet<Body>, idleTimeoutS: number): NodeJS.Timeout {
  const timer = setInterval(() => {
    const limit = performance.now() - idleTimeoutS * 1000;
    for (const body of incomplete) if (body.heardAt < limit) body.native.close();
  }, 1000);
  return timer.unref();
}
