import type { HttpResponse as NativeResponse } from "uWebSockets.js";
import { STATUS_CODES } from "node:http";
import { withStanding } from "./standing-headers.ts";
import type { HttpResponse } from "./transport.ts";

type HeaderRecord = Readonly<Record<string, string>>;

/** Status line and headers as bytes, for each status that frozen headers were sent with. */
const prepared = new WeakMap<HeaderRecord, Map<number, Uint8Array>>();

const NO_HEADERS: HeaderRecord = Object.freeze({});
/** uWebSockets.js closes a connection that was idle for about ten seconds. A client that knows it does not send at that moment. */
const KEEP_ALIVE = "keep-alive: timeout=8";
/** Characters that would end the header and begin another: uWebSockets.js does not check headers. */
const UNSAFE = /[\0\r\n]/;

function headText(status: number, headers: HeaderRecord): string {
  let text = `${status} ${STATUS_CODES[status] ?? ""}\r\n${KEEP_ALIVE}`;
  for (const [name, value] of Object.entries(withStanding(headers))) {
    if (UNSAFE.test(value) || UNSAFE.test(name)) throw new TypeError(`Header ${name} has a line break`);
    text += `\r\n${name}: ${value}`;
  }
  return text;
}

/**
 * The argument of `writeStatus`: the status with all headers, so that one call into the addon carries all of them.
 * Frozen headers are found again by identity, as bytes. @throws TypeError for a header with a line break
 */
export function headOf({ status, headers = NO_HEADERS }: HttpResponse): string | Uint8Array {
  if (!Object.isFrozen(headers)) return headText(status, headers);
  let byStatus = prepared.get(headers);
  if (byStatus === undefined) {
    byStatus = new Map();
    prepared.set(headers, byStatus);
  }
  let head = byStatus.get(status);
  if (head === undefined) {
    head = new TextEncoder().encode(headText(status, headers));
    byStatus.set(status, head);
  }
  return head;
}

/** Statuses whose answers never have a body (RFC 9110 6.4.1). */
const isBodiless = (status: number) => status === 204 || status === 304;

/** Writes an answer, corked. `headOnly`: to a HEAD request. `close`: tell the client that this connection ends with it. */
export function writeResponse(
  native: NativeResponse,
  head: string | Uint8Array,
  { status, body = "" }: HttpResponse,
  headOnly: boolean,
  close: boolean,
): void {
  native.writeStatus(head);
  if (!headOnly && !isBodiless(status)) {
    native.end(body, close);
    return;
  }
  // With a length, `endWithoutBody` never ends the response, so the length is written as a header. The client closes the
  // connection, or the end of the shutdown does.
  if (!isBodiless(status)) native.writeHeader("content-length", String(Buffer.byteLength(body)));
  if (close) native.writeHeader("connection", "close");
  native.endWithoutBody();
}
