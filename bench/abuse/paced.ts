import type { Socket } from "bun";
import { Histogram } from "../load/histogram.ts";
import { ResponseReader } from "../load/response-reader.ts";
import type { PacedPlan, PacedResult } from "./plan.ts";
import { requestsOf, socketHeaders } from "./requests.ts";

interface Line {
  reader: ResponseReader;
  /** When its request was due; 0: none is on its way. */
  dueAt: number;
}

/** How often requests that are due are sent. */
const TICK_MS = 2;
/** What is due and cannot be sent, because all connections wait, is given up beyond this number: the load must stay bounded. */
const MAX_DUE = 20_000;
/** How long the last answers may take. */
const LAST_MS = 5_000;

/** Sends requests at a fixed rate over a number of connections. */
export class Paced {
  readonly #plan: PacedPlan;
  readonly #request: (index: number) => Buffer;
  readonly #idle: Socket<Line>[] = [];
  readonly #due: number[] = [];
  readonly #answers: Record<string, number> = {};
  readonly #latency = new Histogram();
  readonly #sockets = new Set<WebSocket>();
  readonly #headers: (socket: number) => Record<string, string>;
  #opened = 0;
  #sent = 0;
  #waiting = 0;
  #broken = 0;
  #ended = false;

  constructor(plan: PacedPlan) {
    this.#plan = plan;
    this.#request = requestsOf(plan);
    this.#headers = socketHeaders(plan);
  }

  async run(): Promise<PacedResult> {
    await Promise.all(Array.from({ length: this.#plan.connections }, () => this.#connect()));
    const begun = performance.now();
    let asked = 0;
    let spoken = 0;
    for (;;) {
      const now = performance.now();
      const passed = (now - begun) / 1000;
      if (passed >= this.#plan.seconds) break;
      for (; asked < passed * this.#plan.perSecond; asked++) {
        if (this.#due.length < MAX_DUE) this.#due.push(begun + (asked / this.#plan.perSecond) * 1000);
      }
      this.#send();
      // Each socket says something twenty times a second.
      for (; spoken < passed * this.#plan.sockets * 20; spoken++) this.#speak();
      await Bun.sleep(TICK_MS);
    }
    this.#due.length = 0;
    const seconds = (performance.now() - begun) / 1000;
    const deadline = performance.now() + LAST_MS;
    while (this.#waiting > 0 && performance.now() < deadline) await Bun.sleep(TICK_MS);
    this.#ended = true;
    for (const socket of this.#sockets) socket.close();
    if (this.#waiting > 0) this.#count("no answer", this.#waiting);
    return { seconds, answers: this.#answers, broken: this.#broken, latency: this.#latency.toJSON() };
  }

  #count(what: string, n = 1): void {
    this.#answers[what] = (this.#answers[what] ?? 0) + n;
  }

  #send(): void {
    let sent = 0;
    for (const dueAt of this.#due) {
      const line = this.#idle.pop();
      if (line === undefined) break;
      line.data.dueAt = dueAt;
      this.#waiting++;
      line.write(this.#request(this.#sent++));
      sent++;
    }
    this.#due.splice(0, sent);
  }

  async #connect(): Promise<void> {
    const line = await Bun.connect<Line>({
      hostname: this.#plan.host,
      port: this.#plan.port,
      data: { reader: new ResponseReader(), dueAt: 0 },
      socket: {
        data: (socket, bytes) => this.#answered(socket, bytes),
        close: (socket) => this.#lost(socket),
        error: () => {},
        open() {},
      },
    });
    this.#idle.push(line);
  }

  #answered(line: Socket<Line>, bytes: Buffer): void {
    const answer = line.data.reader.take(bytes);
    if (answer === undefined) return;
    this.#latency.add((performance.now() - line.data.dueAt) * 1000);
    this.#count(String(answer.status));
    line.data.dueAt = 0;
    this.#waiting--;
    if (!answer.close) this.#idle.push(line);
    else line.end(); // `close` follows, and another connection takes its place
  }

  #lost(line: Socket<Line>): void {
    if (line.data.dueAt > 0) {
      this.#waiting--;
      this.#broken++;
    }
    const at = this.#idle.indexOf(line);
    if (at >= 0) this.#idle.splice(at, 1);
    if (!this.#ended) this.#connect().catch(() => void this.#broken++);
  }

  /** One message of a socket, or a new socket in place of one that ended. */
  #speak(): void {
    if (this.#sockets.size < this.#plan.sockets) {
      const { host, port } = this.#plan;
      const socket = new WebSocket(`ws://${host}:${port}/ws`, { headers: this.#headers(this.#opened++) } as never);
      this.#sockets.add(socket);
      socket.onclose = () => {
        this.#sockets.delete(socket);
        if (!this.#ended) this.#count("socket closed");
      };
      return;
    }
    for (const socket of this.#sockets) {
      this.#sockets.delete(socket); // to the end of the set: each has its turn
      this.#sockets.add(socket);
      if (socket.readyState === WebSocket.OPEN) {
        socket.send('{"type":"resume"}');
        this.#count("socket");
      }
      return;
    }
  }
}
