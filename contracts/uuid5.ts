import { createHash } from "node:crypto";

/** A UUID's 16 bytes, to name others in. */
export const namespace = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex");

/** UUIDv5 (RFC 9562 §5.5): the same name in the same namespace is always the same id. */
export function uuid5(within: Buffer, name: string): string {
  const hash = createHash("sha1").update(within).update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
