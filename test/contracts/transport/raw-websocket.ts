import { randomBytes } from "node:crypto";
import { RawHttp, type RawResponse, requestText } from "./raw-http.ts";

export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** One masked frame, as a client sends it (RFC 6455 5.2). */
export function frame(opcode: number, payload: string | Buffer, fin = true): Buffer {
  const data = Buffer.from(payload as string);
  const mask = randomBytes(4);
  const head = data.length < 126 ? Buffer.alloc(2) : data.length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (fin ? 0x80 : 0) | opcode;
  if (head.length === 2) head[1] = 0x80 | data.length;
  else if (head.length === 4) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(data.length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(data.length), 2);
  }
  const masked = Buffer.allocUnsafe(data.length);
  for (let i = 0; i < data.length; i++) masked[i] = data[i]! ^ mask[i & 3]!;
  return Buffer.concat([head, mask, masked]);
}

/** The complete frames at the front of `bytes`, and what is left over. */
export function parseFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= 2) {
    let length = rest[1]! & 0x7f;
    let start = 2;
    if (length === 126) {
      if (rest.length < 4) break;
      length = rest.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (rest.length < 10) break;
      length = Number(rest.readBigUInt64BE(2));
      start = 10;
    }
    if (rest.length < start + length) break;
    const payload = Buffer.from(rest.subarray(start, start + length));
    frames.push({ fin: (rest[0]! & 0x80) !== 0, opcode: rest[0]! & 0x0f, payload });
    rest = rest.subarray(start + length);
  }
  return { frames, rest };
}

/** A WebSocket whose frames the test writes itself, and that can stop reading. */
export class RawWebSocket {
  readonly frames: Frame[] = [];
  private rest: Buffer;

  private constructor(
    readonly http: RawHttp,
    readonly response: RawResponse,
  ) {
    this.rest = http.rest();
    this.take(Buffer.alloc(0));
    http.socket.on("data", (chunk: Buffer) => this.take(chunk));
  }

  static async open(port: number, path: string, headers: Record<string, string> = {}): Promise<RawWebSocket> {
    const http = await RawHttp.open(port);
    http.write(
      requestText("GET", path, undefined, {
        upgrade: "websocket",
        connection: "Upgrade",
        "sec-websocket-key": randomBytes(16).toString("base64"),
        "sec-websocket-version": "13",
        ...headers,
      }),
    );
    const response = await http.response();
    if (response === undefined) throw new Error("closed during the upgrade");
    return new RawWebSocket(http, response);
  }

  send(opcode: number, payload: string | Buffer, fin = true): void {
    this.http.write(frame(opcode, payload, fin));
  }

  texts(): string[] {
    return this.frames.filter((f) => f.opcode === OP.text).map((f) => f.payload.toString());
  }

  /** The server's close code; undefined before its close frame. */
  closeCode(): number | undefined {
    const close = this.frames.find((f) => f.opcode === OP.close);
    return close?.payload.length ? close.payload.readUInt16BE(0) : undefined;
  }

  stopReading(): void {
    this.http.socket.pause();
  }

  readAgain(): void {
    this.http.socket.resume();
  }

  private take(chunk: Buffer): void {
    const parsed = parseFrames(Buffer.concat([this.rest, chunk]));
    this.frames.push(...parsed.frames);
    this.rest = parsed.rest;
  }
}
