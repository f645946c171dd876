import type { Socket } from "bun";
import { type LoadAnswer, ResponseReader } from "../load/response-reader.ts";

interface Asked {
  readonly request: Buffer;
  /** null: the connection broke before an answer came. */
  readonly resolve: (answer: LoadAnswer | null) => void;
}

interface Connection {
  readonly reader: ResponseReader;
  asked: Asked | null;
}

export interface Connections {
  /** Sends a request over a connection that is free, or as soon as one is; null: it got no answer. */
  ask(request: Buffer): Promise<LoadAnswer | null>;
  close(): void;
}

/** Keep-alive connections that share a queue; each has one request on its way at a time. Broken ones are replaced. */
export async function openConnections(host: string, port: number, count: number): Promise<Connections> {
  const pool = new ConnectionPool(host, port);
  await pool.open(count);
  return pool;
}

class ConnectionPool implements Connections {
  readonly #host: string;
  readonly #port: number;
  readonly #free: Socket<Connection>[] = [];
  readonly #waiting: Asked[] = [];
  /** Index of the request that has waited longest. An index instead of shift(): in a jam thousands wait. */
  #head = 0;
  #closing = false;
  readonly #handlers = {
    data: (socket: Socket<Connection>, bytes: Buffer) => this.#answered(socket, bytes),
    close: (socket: Socket<Connection>) => this.#lost(socket),
    error: (socket: Socket<Connection>) => this.#lost(socket),
    open() {},
  };

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  async open(count: number): Promise<void> {
    this.#free.push(...(await Promise.all(Array.from({ length: count }, () => this.#connect()))));
  }

  ask(request: Buffer): Promise<LoadAnswer | null> {
    return new Promise((resolve) => {
      const asked = { request, resolve };
      const socket = this.#free.pop();
      if (socket === undefined) this.#waiting.push(asked);
      else this.#send(socket, asked);
    });
  }

  close(): void {
    this.#closing = true;
    for (const socket of this.#free) socket.end();
  }

  #connect(): Promise<Socket<Connection>> {
    return Bun.connect<Connection>({
      hostname: this.#host,
      port: this.#port,
      socket: this.#handlers,
      data: { reader: new ResponseReader(), asked: null },
    });
  }

  #nextWaiting(): Asked | undefined {
    const asked = this.#waiting[this.#head];
    if (asked === undefined) return undefined;
    if (++this.#head > 1_000) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return asked;
  }

  /** A connection is free: it takes the next request, or rests. */
  #give(socket: Socket<Connection>): void {
    const asked = this.#nextWaiting();
    if (asked === undefined) this.#free.push(socket);
    else this.#send(socket, asked);
  }

  #send(socket: Socket<Connection>, asked: Asked): void {
    socket.data.asked = asked;
    // Smaller than a socket's send buffer, and the socket is idle: a partial write means that it is broken.
    if (socket.write(asked.request) !== asked.request.length) socket.terminate();
  }

  #answered(socket: Socket<Connection>, bytes: Buffer): void {
    const answer = socket.data.reader.take(bytes);
    const { asked } = socket.data;
    if (answer === undefined || asked === null) return;
    socket.data.asked = null;
    if (answer.close) {
      socket.end();
      this.#replace();
    } else this.#give(socket);
    asked.resolve(answer);
  }

  #lost(socket: Socket<Connection>): void {
    const { asked } = socket.data;
    socket.data.asked = null;
    const at = this.#free.indexOf(socket);
    if (at >= 0) this.#free.splice(at, 1);
    if (asked !== null || at >= 0) this.#replace();
    asked?.resolve(null);
  }

  #replace(): void {
    if (this.#closing) return;
    this.#connect().then(
      (socket) => this.#give(socket),
      () => setTimeout(() => this.#replace(), 200),
    );
  }
}
