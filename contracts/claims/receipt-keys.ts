import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { parseDateTime, Timestamp } from "../wire/date-time.ts";
import { isMadeWith, isSignedBy, KEY_ID, type ParsedReceipt, receiptHmacKey } from "./receipt.ts";

/** Where the public listener publishes the keys. */
export const RECEIPT_KEYS_PATH = "/.well-known/stampede-receipts.json";

/** A public key as it is published: a JSON Web Key (RFC 8037) with the moment from which it signs. */
const PublishedReceiptKey = Type.Object({
  kty: Type.Literal("OKP"),
  crv: Type.Literal("Ed25519"),
  alg: Type.Literal("EdDSA"),
  use: Type.Literal("sig"),
  kid: Type.String({ pattern: KEY_ID.source, description: "The key's name, as it stands in receipts" }),
  x: Type.String({ description: "The public key, 32 bytes, base64url" }),
  notBefore: Type.String({
    format: Timestamp.format!,
    description: "Requests from this time on are signed with it, until the next key's time",
  }),
});

/** All public keys, the first one first: the next one before it signs, and retired ones. */
export const PublishedReceiptKeys = Type.Object(
  { keys: Type.Array(PublishedReceiptKey) },
  { $id: "PublishedReceiptKeys" },
);
export type PublishedReceiptKeys = Static<typeof PublishedReceiptKeys>;

/** A key of a file of keys, or a published one. */
export interface ReceiptKey {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly publicKey: KeyObject;
  /** `secrets` null: it was retired, or it is a published key. */
  readonly secrets: { readonly privateKey: KeyObject; readonly hmacKey: KeyObject } | null;
}

/** One key in the file: a published key, and `d`, the private part, unless it was retired. */
export interface StoredReceiptKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly kid: string;
  readonly x: string;
  readonly d?: string;
  readonly notBefore: string;
}

/** More keys than rotations of many years; a longer list is a mistake. */
export const MAX_RECEIPT_KEYS = 100;
const KEY_BYTES = /^[A-Za-z0-9_-]{43}$/;

/** @throws Error one sentence that names the key, never its private part */
function parseKey(stored: unknown, i: number): ReceiptKey {
  const { kid, kty, crv, x, d, notBefore } = (stored ?? {}) as Partial<Record<string, unknown>>;
  if (typeof kid !== "string" || !KEY_ID.test(kid)) {
    throw new Error(`key ${i + 1} has no \`kid\` of 1 to 32 letters, digits, - and _`);
  }
  if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string" || !KEY_BYTES.test(x)) {
    throw new Error(`key ${kid} is no Ed25519 key ("kty":"OKP", "crv":"Ed25519", "x" of 32 bytes in base64url)`);
  }
  const from = typeof notBefore === "string" ? parseDateTime(notBefore) : null;
  if (from === null) throw new Error(`key ${kid} has no \`notBefore\` like 2027-01-01T00:00:00Z`);
  const publicKey = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  if (d === undefined) return { id: kid, notBefore: from, publicKey, secrets: null };
  if (typeof d !== "string" || !KEY_BYTES.test(d)) {
    throw new Error(`the private part \`d\` of key ${kid} is not 32 bytes in base64url`);
  }
  const privateKey = createPrivateKey({ key: { kty, crv, x, d }, format: "jwk" });
  // Runtimes do not compare x with d; a receipt signed with one and published with the other proves nothing.
  const computed = createPublicKey(privateKey.export({ format: "pem", type: "pkcs8" }));
  if (computed.export({ format: "jwk" }).x !== x) {
    throw new Error(`the parts \`x\` and \`d\` of key ${kid} do not belong together`);
  }
  const hmacKey = receiptHmacKey(Buffer.from(d, "base64url"), kid);
  return { id: kid, notBefore: from, publicKey, secrets: { privateKey, hmacKey } };
}

/**
 * The keys of a file or of a published document, the first one first.
 * @throws Error one sentence that says which key is wrong, without secrets
 */
export function parseReceiptKeys(text: string): readonly ReceiptKey[] {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    // Falls through to the sentence below. The parser's message would repeat a part of the text.
  }
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('it is not of the form {"keys":[{"kid":…},…]}');
  if (keys.length > MAX_RECEIPT_KEYS) throw new Error(`it has more than ${MAX_RECEIPT_KEYS} keys`);
  const parsed = keys.map(parseKey).sort((a, b) => a.notBefore - b.notBefore);
  for (const [i, { id, notBefore }] of parsed.entries()) {
    if (parsed.findIndex((other) => other.id === id) !== i) throw new Error(`two keys have the \`kid\` ${id}`);
    if (parsed[i + 1]?.notBefore === notBefore) throw new Error(`${id} and another key have the same \`notBefore\``);
  }
  return parsed;
}

/** The document that is published. */
export function publishedKeys(keys: readonly ReceiptKey[]): PublishedReceiptKeys {
  return {
    keys: keys.map(({ id, notBefore, publicKey }) => ({
      kty: "OKP",
      crv: "Ed25519",
      alg: "EdDSA",
      use: "sig",
      kid: id,
      x: publicKey.export({ format: "jwk" }).x!,
      notBefore: new Date(notBefore).toISOString(),
    })),
  };
}

/** A new key, as it stands in the file. */
export function newReceiptKey(kid: string, notBefore: Date): StoredReceiptKey {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { kty: "OKP", crv: "Ed25519", kid, x: x!, d: d!, notBefore: notBefore.toISOString() };
}

/** Why a receipt of version 2 proves nothing, or null: it is genuine. */
export type ReceiptFault = "UNKNOWN_KEY" | "NEEDS_PRIVATE_KEY" | "WRONG_SIGNATURE";

/** Checks a receipt of version 2 with the key that it names. */
export function faultOfReceipt(keys: readonly ReceiptKey[], receipt: ParsedReceipt): ReceiptFault | null {
  const key = keys.find(({ id }) => id === receipt.keyId);
  if (key === undefined) return "UNKNOWN_KEY";
  if (receipt.algorithm === "ed25519") return isSignedBy(key.publicKey, receipt) ? null : "WRONG_SIGNATURE";
  if (key.secrets === null) return "NEEDS_PRIVATE_KEY";
  return isMadeWith(key.secrets.hmacKey, receipt) ? null : "WRONG_SIGNATURE";
}
