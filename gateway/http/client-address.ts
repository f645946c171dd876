import type { HttpRequest } from "../transports/transport.ts";
import { type IpAddress, ipText, type Networks, parseIp } from "./ip-address.ts";

/** Characters of a forwarding header that are read, from its right end; what stands further left came from further away. */
const MAX_HEADER = 2_048;
/** Proxies in a row that are read. More trusted ones than this have no use. */
const MAX_HOPS = 16;

/** What the address of a client is computed from. */
export type AddressSource = Pick<HttpRequest, "remoteAddress" | "header">;

/** The text of a hop without port and brackets: `1.2.3.4`, `1.2.3.4:56`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:56`. */
function parseHop(text: string): IpAddress | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed !== null) return parseIp(bracketed[1]!);
  const dotted = /^([\d.]+):\d{1,5}$/.exec(text);
  return parseIp(dotted === null ? text : dotted[1]!);
}

/** One pair of an element of `Forwarded`: a token, `=`, and a token or a quoted text without commas, quotes and backslashes. */
const PAIR = /^([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"([^",\\]*)")$/;

/** The `for` of an element of `Forwarded`. undefined: malformed, no address (`unknown`, `_hidden`), or not exactly one `for`. */
function parseElement(element: string): IpAddress | undefined {
  let hop: string | undefined;
  for (const text of element.split(";")) {
    const pair = PAIR.exec(text.trim());
    if (pair === null) return undefined;
    if (pair[1]!.toLowerCase() !== "for") continue;
    if (hop !== undefined) return undefined;
    hop = pair[2] ?? pair[3]!;
  }
  return hop === undefined ? undefined : parseHop(hop);
}

/**
 * Reads hops from the right: each proxy adds the address that it was called from. The first one that is not trusted is the client;
 * everything left of it is what that client wrote. A hop that is no address ends the way: the proxy before it counts.
 */
function walk(
  header: string,
  peer: IpAddress,
  trusted: Networks,
  read: (hop: string) => IpAddress | undefined,
): IpAddress {
  const bounded = header.length > MAX_HEADER;
  const text = bounded ? header.slice(-MAX_HEADER) : header;
  let client = peer;
  let end = text.length;
  for (let hops = 0; hops < MAX_HOPS && end >= 0; hops++) {
    const comma = text.lastIndexOf(",", end - 1);
    if (end === 0 || (comma < 0 && bounded)) return client; // the leftmost hop of a cut header may be half of one
    const hop = read(text.slice(comma + 1, end).trim());
    if (hop === undefined) return client;
    client = hop;
    if (!trusted.has(hop)) return client;
    end = comma;
  }
  return client;
}

const isSame = (a: IpAddress, b: IpAddress): boolean => a.every((group, i) => group === b[i]);

/**
 * The address of a request's client: the peer's, or, if the peer is a trusted proxy, the one that proxies tell. With both
 * `X-Forwarded-For` and `Forwarded` they must agree; otherwise one of them was written by the client and passed on, nobody knows
 * which, and the peer's address counts. undefined: a peer without an address (a Unix socket).
 */
export function clientIp(request: AddressSource, trusted: Networks): IpAddress | undefined {
  const peer = parseIp(request.remoteAddress);
  if (peer === undefined || trusted.isEmpty || !trusted.has(peer)) return peer;
  const listed = request.header("x-forwarded-for");
  const forwarded = request.header("forwarded");
  const byList = listed === undefined ? undefined : walk(listed, peer, trusted, parseHop);
  const byElements = forwarded === undefined ? undefined : walk(forwarded, peer, trusted, parseElement);
  if (byList === undefined) return byElements ?? peer;
  if (byElements === undefined || isSame(byList, byElements)) return byList;
  return peer;
}

/** The same as text for logs; empty for a peer without an address. */
export function clientAddress(request: AddressSource, trusted: Networks): string {
  if (trusted.isEmpty) return request.remoteAddress;
  const ip = clientIp(request, trusted);
  return ip === undefined ? "" : ipText(ip);
}
