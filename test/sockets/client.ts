/** A message of the server, as a test looks at it. */
export type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** A client that keeps every message until the test asks for it. */
export class Client {
  readonly received: Message[] = [];
  closeCode: number | undefined;
  private wake: (() => void) | undefined;

  private constructor(readonly ws: WebSocket) {
    ws.addEventListener("message", ({ data }) => {
      this.received.push(JSON.parse(String(data)));
      this.wake?.();
    });
    ws.addEventListener("close", ({ code }) => {
      this.closeCode = code;
      this.wake?.();
    });
  }

  /** An open socket; `headers` go with the upgrade. */
  static open(port: number, headers: Record<string, string> = {}): Promise<Client> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers } as never);
      const client = new Client(ws);
      ws.addEventListener("open", () => resolve(client));
      ws.addEventListener("error", () => reject(new Error("the socket did not open")));
    });
  }

  /** An open socket that has been welcomed. */
  static async signedIn(port: number, token: string): Promise<Client> {
    const client = await Client.open(port, { authorization: `Bearer ${token}` });
    await client.next("welcome");
    return client;
  }

  send(message: object | string): void {
    this.ws.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Takes the first message of a type, waiting for it. @throws Error after `timeoutMs` */
  async next(type: string, timeoutMs = 60_000): Promise<Message> {
    await this.until(`a message ${type}`, () => this.received.some((m) => m.type === type), timeoutMs);
    const at = this.received.findIndex((m) => m.type === type);
    return this.received.splice(at, 1)[0]!;
  }

  /** Sends, and takes the next message of a type. */
  async ask(message: object | string, type: string): Promise<Message> {
    this.send(message);
    return await this.next(type);
  }

  /** The code the server closed with. */
  async closed(timeoutMs = 60_000): Promise<number> {
    await this.until("the close", () => this.closeCode !== undefined, timeoutMs);
    return this.closeCode!;
  }

  /** All that came of the inbox so far, in order. */
  slots(): unknown[] {
    return this.received.filter((m) => m.type === "coupon.issued").map((m) => m.slot);
  }

  async until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`Waited in vain: ${what}; got ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.ws.close();
  }
}
