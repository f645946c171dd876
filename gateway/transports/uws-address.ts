import { SocketAddress } from "node:net";

/** The text of an address of 4 or 16 bytes, IPv6 in its short form: uWebSockets.js's own text of it is never shortened. */
export function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return ""; // a Unix socket has none
  const groups = Buffer.from(address).toString("hex").match(/.{4}/g)!;
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
}
