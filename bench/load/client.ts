import type { Socket } from "bun";
import { createMint } from "../tokens.ts";
import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadProgress, LoadResult, Win } from "./plan.ts";
import { ResponseReader } from "./response-reader.ts";

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
export async function createLoadClient(plan: LoadPlan): Promise<LoadClient> {
  const requests = prepare(plan);
  const latency = new Histogram();
  const statuses: Record<number, number> = {};
  const samples: Record<number, string> = {};
  const wins: Win[] = [];
  let sent = 0;
  let answered = 0;
  let errors = 0;
  let startedAt = 0;
  let startedAtMs = 0;
  let lastWinS: number | null = null;
  let soldOutS: number | null = null;
  let endAt = Number.POSITIVE_INFINITY;
  let busy = 0;
  let running = false;
  let done: (() => void) | undefined;
  const amount = plan.amount ?? Number.POSITIVE_INFINITY;

  function next(socket: Socket<Connection>, now: number): void {
    if (sent >= amount || now >= endAt) {
      socket.data.request = -1;
      if (--busy === 0) done?.();
      return;
    }
    const index = sent++;
    socket.data.request = index;
    socket.data.sentAt = now;
    const request = requests[index % requests.length]!;
    // A request is smaller than a socket's send buffer, and the socket is idle: a partial write means it is broken.
    if (socket.write(request) !== request.length) socket.terminate();
  }

  function note(connection: Connection, status: number, body: () => string, now: number): void {
    latency.add((now - connection.sentAt) * 1000);
    statuses[status] = (statuses[status] ?? 0) + 1;
    answered++;
    samples[status] ??= body();
    if (status === 202) {
      const { requestId, slot, durable } = JSON.parse(body());
      const user = plan.users === null ? 0 : plan.users.from + (connection.request % plan.users.count);
      wins.push({ user, requestId, slot, durable });
      lastWinS = (now - startedAt) / 1000;
    } else if (status === 409 && soldOutS === null) soldOutS = (now - startedAt) / 1000;
  }

  const handlers = {
    data(socket: Socket<Connection>, bytes: Buffer) {
      const answer = socket.data.reader.take(bytes);
      if (answer === undefined) return;
      const now = performance.now();
      note(socket.data, answer.status, () => answer.text.slice(answer.bodyAt), now);
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
  function lost(socket: Socket<Connection>): void {
    if (!running || socket.data.request < 0) return;
    socket.data.request = -1;
    errors++;
    replace();
  }
  /** The server closed a connection: another takes its place, as a browser's would. */
  function replace(): void {
    connect()
      .then((socket) => next(socket, performance.now()))
      .catch(() => {
        errors++;
        if (--busy === 0) done?.();
      });
  }
  const connect = () =>
    Bun.connect<Connection>({
      hostname: plan.host,
      port: plan.port,
      socket: handlers,
      data: { reader: new ResponseReader(), request: -1, sentAt: 0 },
    });

  const sockets = await Promise.all(Array.from({ length: plan.connections }, connect));
  return {
    progress: () => ({
      requests: answered,
      statuses: { ...statuses },
      p50Ms: latency.percentile(50) / 1000,
      p99Ms: latency.percentile(99) / 1000,
    }),
    async run() {
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      startedAt = performance.now();
      startedAtMs = Date.now();
      if (plan.seconds !== null) endAt = startedAt + plan.seconds * 1000;
      running = true;
      busy = sockets.length;
      for (const socket of sockets) next(socket, performance.now());
      await finished;
      running = false;
      const seconds = (performance.now() - startedAt) / 1000;
      for (const socket of sockets) socket.end();
      const shared = { requests: answered, statuses, errors, seconds, startedAtMs, lastWinS, soldOutS, wins, samples };
      return { ...shared, latency: latency.toJSON() };
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
