import type { ServerMessage } from "../../contracts/wire/socket-messages.ts";
import { RecordedSocket } from "../history/recorded-socket.ts";
import { until } from "./until.ts";

type Type = ServerMessage["type"];
type Of<T extends Type> = Extract<ServerMessage, { type: T }>;

/** A WebSocket client that keeps everything it hears; its claims and personal messages stand in the history. */
export class TestSocket {
  readonly heard: ServerMessage[] = [];
  /** The server's close code; null while it is open. */
  closeCode: number | null = null;
  readonly #native: WebSocket;
  readonly #recorded: RecordedSocket;

  private constructor(native: WebSocket, recorded: RecordedSocket) {
    this.#native = native;
    this.#recorded = recorded;
    native.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as ServerMessage;
      recorded.hears(message);
      this.heard.push(message);
    });
    native.addEventListener("close", ({ code }) => {
      this.closeCode = code;
    });
  }

  /** Opens a socket; with a token in the upgrade's Authorization header, or without to authenticate by message. */
  static async open(url: string, token?: string): Promise<TestSocket> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const native = new WebSocket(`${url.replace(/^http/, "ws")}/ws`, { headers });
    const socket = new TestSocket(native, new RecordedSocket(url, token));
    await new Promise<void>((resolve, reject) => {
      native.addEventListener("open", () => resolve(), { once: true });
      native.addEventListener("close", () => reject(new Error("the socket was refused")), { once: true });
    });
    return socket;
  }

  /** As `open` with a token, and waits for the welcome. */
  static async welcomed(url: string, token: string): Promise<TestSocket> {
    const socket = await TestSocket.open(url, token);
    await socket.hears("welcome");
    return socket;
  }

  send(message: object | string): void {
    if (typeof message === "object") this.#recorded.sends(message);
    this.#native.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#native.send(bytes);
  }

  all<T extends Type>(type: T): Of<T>[] {
    return this.heard.filter((message): message is Of<T> => message.type === type);
  }

  /** The `nth` (from 1) message of a type, which may have come already. */
  hears<T extends Type>(type: T, nth = 1, timeoutMs = 60_000): Promise<Of<T>> {
    return until(`${type} (number ${nth}) on the socket`, () => this.all(type)[nth - 1], timeoutMs) as Promise<Of<T>>;
  }

  /** Resolves when the owner knows of a coupon: told by `coupon.issued`, or in the state that a `resync` gives after Redis forgot. */
  knowsOf(couponId: string): Promise<unknown> {
    const isNamed = () =>
      this.all("coupon.issued").some((message) => message.couponId === couponId) ||
      this.all("resync").some(({ coupons }) => coupons.some((coupon) => coupon.couponId === couponId));
    return until(`a socket knows of its coupon of ${couponId}`, isNamed);
  }

  /**
   * Where the user's news continues: the last cursor of what came. That of the welcome says where the inbox ends, so it
   * counts only for a client that has no older one: what lies between is still to come.
   */
  cursor(known?: string): string | undefined {
    const news = this.heard.findLast((message) => "cursor" in message && message.type !== "welcome");
    return (news as Of<"coupon.issued"> | undefined)?.cursor ?? known ?? this.all("welcome")[0]?.cursor;
  }

  /** @returns the close code */
  closed(timeoutMs = 60_000): Promise<number> {
    return until("the socket is closed", () => this.closeCode, timeoutMs);
  }

  close(): void {
    this.#native.close();
  }
}
