import type { Socket } from "bun";
import { createMint } from "../tokens.ts";
import type { LoadPlan, LoadProgress, LoadResult } from "./plan.ts";
import { ResponseReader } from "./response-reader.ts";
import { Tally } from "./tally.ts";

interface Connection {
  readonly reader: ResponseReader;
  /** Index of the request on its way; −1: none. */
  request: number;
  sentAt: number;
}

export interface LoadClient {
  progress(): LoadProgress;
  /** Sends everything; resolves when the last answer is in. */
  run(): Promise<LoadResult>;
}

/** Opens the connections and prepares the requests, so that `run` does nothing but send and read. */
export async function createSocketClient(plan: LoadPlan): Promise<LoadClient> {
  const client = new SocketClient(plan);
  await client.open();
  return client;
}

class SocketClient implements LoadClient {
  readonly #plan: LoadPlan;
  readonly #requests: readonly Buffer[];
  readonly #amount: number;
  readonly #tally: Tally;
  #sockets: readonly Socket<Connection>[] = [];
  #sent = 0;
  /** Connections that have not finished. */
  #busy = 0;
  #endAt = 0;
  #done: (() => void) | undefined;
  readonly #handlers = {
    data: (socket: Socket<Connection>, bytes: Buffer) => this.#answered(socket, bytes),
    close: (socket: Socket<Connection>) => this.#lost(socket),
    error: (socket: Socket<Connection>) => this.#lost(socket),
    open() {},
  };

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#requests = prepare(plan);
    this.#amount = plan.amount ?? Number.POSITIVE_INFINITY;
    this.#tally = new Tally(plan);
  }

  async open(): Promise<void> {
    this.#sockets = await Promise.all(Array.from({ length: this.#plan.connections }, () => this.#connect()));
  }

  progress(): LoadProgress {
    return this.#tally.progress();
  }

  async run(): Promise<LoadResult> {
    const finished = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#tally.start();
    this.#endAt = this.#tally.endAt;
    this.#busy = this.#sockets.length;
    for (const socket of this.#sockets) this.#next(socket, performance.now());
    await finished;
    const result = this.#tally.result();
    for (const socket of this.#sockets) socket.end();
    return result;
  }

  #connect(): Promise<Socket<Connection>> {
    return Bun.connect<Connection>({
      hostname: this.#plan.host,
      port: this.#plan.port,
      socket: this.#handlers,
      data: { reader: new ResponseReader(), request: -1, sentAt: 0 },
    });
  }

  #next(socket: Socket<Connection>, now: number): void {
    if (this.#sent >= this.#amount || now >= this.#endAt) {
      socket.data.request = -1;
      this.#finish();
      return;
    }
    const index = this.#sent++;
    socket.data.request = index;
    socket.data.sentAt = now;
    const request = this.#requests[index % this.#requests.length]!;
    // A request is smaller than a socket's send buffer, and the socket is idle: a partial write means it is broken.
    if (socket.write(request) !== request.length) socket.terminate();
  }

  #answered(socket: Socket<Connection>, bytes: Buffer): void {
    const answer = socket.data.reader.take(bytes);
    if (answer === undefined) return;
    const { request, sentAt } = socket.data;
    const now = performance.now();
    this.#tally.note(request, answer.status, now - sentAt, () => answer.text.slice(answer.bodyAt));
    if (answer.close) {
      socket.data.request = -1;
      socket.end();
      this.#replace();
    } else this.#next(socket, now);
  }

  #lost(socket: Socket<Connection>): void {
    if (socket.data.request < 0) return;
    socket.data.request = -1;
    this.#tally.errors++;
    this.#replace();
  }

  /** The server closed a connection: another takes its place, as a browser's would. */
  #replace(): void {
    this.#connect()
      .then((socket) => this.#next(socket, performance.now()))
      .catch(() => {
        this.#tally.errors++;
        this.#finish();
      });
  }

  /** One connection sends nothing more; the last one ends the run. */
  #finish(): void {
    if (--this.#busy === 0) this.#done?.();
  }
}

/** The request of every user, as bytes. */
function prepare(plan: LoadPlan): Buffer[] {
  const head = `${plan.method} ${plan.path} HTTP/1.1\r\nhost: ${plan.host}:${plan.port}\r\n`;
  const tail = plan.method === "POST" ? "content-length: 0\r\n\r\n" : "\r\n";
  if (plan.users === null) return [Buffer.from(head + tail)];
  const mint = createMint(plan);
  const { prefix, from, count } = plan.users;
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(`${head}authorization: Bearer ${mint(`${prefix}${from + i}`)}\r\n${tail}`),
  );
}
