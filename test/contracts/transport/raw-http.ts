import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An HTTP/1.1 connection where the test decides about every byte: fetch hides keep-alive, pipelining and resets. */
export class RawHttp {
  private buffered = Buffer.alloc(0);
  private wake: (() => void) | undefined;
  private ended = false;
  /** The error code that ended the connection, e.g. ECONNRESET. */
  error: string | undefined;

  private constructor(readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.buffered = Buffer.concat([this.buffered, chunk]);
      this.wake?.();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.ended = true;
      this.wake?.();
    });
  }

  static open(port: number): Promise<RawHttp> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      const raw = new RawHttp(socket);
      socket.once("connect", () => resolve(raw));
      socket.once("error", reject);
    });
  }

  write(data: string | Buffer): void {
    this.socket.write(data);
  }

  get isClosed(): boolean {
    return this.ended;
  }

  async closed(): Promise<void> {
    while (!this.ended) await this.change();
  }

  /** The next answer; undefined if the connection ended before its first byte. `head`: of a HEAD request, without a body. */
  async response(options: { head?: boolean } = {}): Promise<RawResponse | undefined> {
    let split = this.buffered.indexOf("\r\n\r\n");
    while (split < 0) {
      if (this.ended) return undefined;
      await this.change();
      split = this.buffered.indexOf("\r\n\r\n");
    }
    const [first, ...lines] = this.buffered.toString("latin1", 0, split).split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(first!.split(" ")[1]);
    const length =
      options.head || status === 204 || status === 100 || status === 101 ? 0 : Number(headers["content-length"] ?? 0);
    const start = split + 4;
    while (this.buffered.length < start + length && !this.ended) await this.change();
    const body = this.buffered.toString("utf8", start, start + length);
    this.buffered = this.buffered.subarray(start + length);
    return { status, headers, body };
  }

  /** Bytes that came after the last answer, e.g. WebSocket frames. */
  rest(): Buffer {
    return this.buffered;
  }

  close(): void {
    this.socket.destroy();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = undefined;
        resolve();
      };
    });
  }
}

/** A request's text; a string body gets its content-length. */
export function requestText(
  method: string,
  target: string,
  body?: string,
  headers: Record<string, string> = {},
): string {
  const all: Record<string, string> = { host: "test", ...headers };
  if (body !== undefined) all["content-length"] = String(Buffer.byteLength(body));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`;
}

/** One request on a new connection. */
export async function once(port: number, text: string, options?: { head?: boolean }): Promise<RawResponse> {
  const raw = await RawHttp.open(port);
  try {
    raw.write(text);
    const response = await raw.response(options);
    if (response === undefined) throw new Error(`closed without an answer (${raw.error ?? "no error"})`);
    return response;
  } finally {
    raw.close();
  }
}
