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
  const requests = prepare(plan);
  const tally = new Tally(plan);
  const amount = plan.amount ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  let busy = 0;
  let endAt = 0;
  let done: (() => void) | undefined;

  function next(socket: Socket<Connection>, now: number): void {
    if (sent >= amount || now >= endAt) {
      rest(socket);
      return;
    }
    const index = sent++;
    socket.data.request = index;
    socket.data.sentAt = now;
    const request = requests[index % requests.length]!;
    // A request is smaller than a socket's send buffer, and the socket is idle: a partial write means it is broken.
    if (socket.write(request) !== request.length) socket.terminate();
  }
  function rest(socket: Socket<Connection>): void {
    socket.data.request = -1;
    if (--busy === 0) done?.();
  }
  function lost(socket: Socket<Connection>): void {
    if (socket.data.request < 0) return;
    socket.data.request = -1;
    tally.errors++;
    replace();
  }
  /** The server closed a connection: another takes its place, as a browser's would. */
  function replace(): void {
    connect()
      .then((socket) => next(socket, performance.now()))
      .catch(() => {
        tally.errors++;
        if (--busy === 0) done?.();
      });
  }

  const handlers = {
    data(socket: Socket<Connection>, bytes: Buffer) {
      const answer = socket.data.reader.take(bytes);
      if (answer === undefined) return;
      const { request, sentAt } = socket.data;
      const now = performance.now();
      tally.note(request, answer.status, now - sentAt, () => answer.text.slice(answer.bodyAt));
      if (answer.close) {
        socket.data.request = -1;
        socket.end();
        replace();
      } else next(socket, now);
    },
    close: lost,
    error: lost,
    open() {},
  };
  const connect = () =>
    Bun.connect<Connection>({
      hostname: plan.host,
      port: plan.port,
      socket: handlers,
      data: { reader: new ResponseReader(), request: -1, sentAt: 0 },
    });

  const sockets = await Promise.all(Array.from({ length: plan.connections }, connect));
  return {
    progress: () => tally.progress(),
    async run() {
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      tally.start();
      endAt = tally.endAt;
      busy = sockets.length;
      for (const socket of sockets) next(socket, performance.now());
      await finished;
      const result = tally.result();
      for (const socket of sockets) socket.end();
      return result;
    },
  };
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
