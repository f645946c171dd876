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
  const free: Socket<Connection>[] = [];
  const waiting: Asked[] = [];
  let head = 0;
  let closing = false;

  /** Takes the longest-waiting request. An index instead of shift(): in a jam thousands wait. */
  function nextWaiting(): Asked | undefined {
    const asked = waiting[head];
    if (asked === undefined) return undefined;
    if (++head > 1_000) {
      waiting.splice(0, head);
      head = 0;
    }
    return asked;
  }
  function give(socket: Socket<Connection>): void {
    const asked = nextWaiting();
    if (asked === undefined) free.push(socket);
    else send(socket, asked);
  }
  function send(socket: Socket<Connection>, asked: Asked): void {
    socket.data.asked = asked;
    // Smaller than a socket's send buffer, and the socket is idle: a partial write means that it is broken.
    if (socket.write(asked.request) !== asked.request.length) socket.terminate();
  }
  function replace(): void {
    if (closing) return;
    connect().then(give, () => setTimeout(replace, 200));
  }
  function lost(socket: Socket<Connection>): void {
    const { asked } = socket.data;
    socket.data.asked = null;
    const at = free.indexOf(socket);
    if (at >= 0) free.splice(at, 1);
    if (asked !== null || at >= 0) replace();
    asked?.resolve(null);
  }
  const handlers = {
    data(socket: Socket<Connection>, bytes: Buffer) {
      const answer = socket.data.reader.take(bytes);
      const { asked } = socket.data;
      if (answer === undefined || asked === null) return;
      socket.data.asked = null;
      if (answer.close) {
        socket.end();
        replace();
      } else give(socket);
      asked.resolve(answer);
    },
    close: lost,
    error: lost,
    open() {},
  };
  const connect = () =>
    Bun.connect<Connection>({
      hostname: host,
      port,
      socket: handlers,
      data: { reader: new ResponseReader(), asked: null },
    });
  free.push(...(await Promise.all(Array.from({ length: count }, connect))));
  return {
    ask: (request) =>
      new Promise((resolve) => {
        const asked = { request, resolve };
        const socket = free.pop();
        if (socket === undefined) waiting.push(asked);
        else send(socket, asked);
      }),
    close() {
      closing = true;
      for (const socket of free) socket.end();
    },
  };
}
