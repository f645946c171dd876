import {
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  sign as signBytes,
  timingSafeEqual,
  verify as verifyBytes,
} from "node:crypto";
import { type CouponId, type RequestId, requestTime, saleOfRequest, USER_ID, type UserId } from "../wire/ids.ts";

/**
 * What a receipt says of a request. ACCEPTED: Redis granted the claim. PENDING: the log of a queued sale has the request.
 * ISSUED: PostgreSQL has the coupon, with its final slot.
 */
export type ReceiptKind = "ACCEPTED" | "PENDING" | "ISSUED";

/** `ed25519`: everybody can check it with the published key. `hs256`: only who has the private key can check it. */
export type ReceiptAlgorithm = "ed25519" | "hs256";

/** What a receipt proves. The sale and the time are in the request id. */
export interface ReceiptFacts {
  readonly kind: ReceiptKind;
  readonly requestId: RequestId;
  readonly userId: UserId;
  /** Only in ISSUED: until a claim is persisted, a recovery may give it another slot. */
  readonly slot: number | null;
}

/** A receipt of version 2 whose form is right. Its signature is not checked yet. */
export interface ParsedReceipt extends ReceiptFacts {
  readonly algorithm: ReceiptAlgorithm;
  readonly keyId: string;
  readonly couponId: CouponId;
  /** When the gateway received the request, milliseconds since 1970. */
  readonly time: number;
  /** The text that is signed: the receipt up to its last dot, which is not part of it. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** The name of a key: it stands in receipts between dots. */
export const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;

const RECEIPT = new RegExp(
  "^v2\\.(ed25519|hs256)\\.([A-Za-z0-9_-]{1,32})\\.(ACCEPTED|PENDING|ISSUED)\\.([0-9a-z]{12}-[0-9a-z]{18})\\." +
    `(\\d{13,15})\\.(-|[1-9]\\d{0,7})\\.(${USER_ID.source.slice(1, -1)})\\.([A-Za-z0-9_-]+)$`,
);
const SIGNATURE_BYTES: Readonly<Record<ReceiptAlgorithm, number>> = { ed25519: 64, hs256: 32 };

/** The beginning of all receipts of one key; made once for each key. */
export const receiptPrefix = (algorithm: ReceiptAlgorithm, keyId: string): string => `v2.${algorithm}.${keyId}.`;

/**
 * The text that is signed. A user id may contain dots; no other part can, so it stands last.
 * @param time the one in the request id, milliseconds since 1970
 */
export function signedText(prefix: string, { kind, requestId, userId, slot }: ReceiptFacts, time: number): string {
  return `${prefix}${kind}.${requestId}.${time}.${slot ?? "-"}.${userId}`;
}

/** The parts of a receipt of version 2; null: the text has another form, or its parts contradict each other. */
export function parseReceipt(text: string): ParsedReceipt | null {
  const [, algorithm, keyId, kind, requestId, time, slot, userId, encoded] = RECEIPT.exec(text) ?? [];
  if (encoded === undefined) return null;
  const signature = Buffer.from(encoded, "base64url");
  const facts = {
    algorithm: algorithm as ReceiptAlgorithm,
    keyId: keyId!,
    kind: kind as ReceiptKind,
    requestId: requestId as RequestId,
    userId: userId as UserId,
    slot: slot === "-" ? null : Number(slot),
  };
  const isWhole = signature.length === SIGNATURE_BYTES[facts.algorithm] && signature.toString("base64url") === encoded;
  const isTrueToItself = Number(time) === requestTime(facts.requestId) && (facts.slot !== null) === (kind === "ISSUED");
  if (!isWhole || !isTrueToItself) return null;
  return {
    ...facts,
    couponId: saleOfRequest(facts.requestId),
    time: Number(time),
    signed: text.slice(0, -encoded.length - 1),
    signature,
  };
}

/** The key of a signing key's HMAC receipts, so that the signing key is the only secret. `seed`: the private key's 32 bytes. */
export function receiptHmacKey(seed: Uint8Array, keyId: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", seed, "", `stampede receipt v2 ${keyId}`, 32)));
}

/** The receipt for a text that begins with the prefix of `hs256`: everything in it is deterministic. */
export function withHmac(key: KeyObject, signed: string): string {
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** The receipt for a text that begins with the prefix of `ed25519`. Ed25519 is deterministic: the same text, the same receipt. */
export function withSignature(privateKey: KeyObject, signed: string): string {
  return `${signed}.${signBytes(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** Whether the receipt was signed with the private key of this public key. */
export function isSignedBy(publicKey: KeyObject, receipt: ParsedReceipt): boolean {
  if (receipt.algorithm !== "ed25519") return false;
  return verifyBytes(null, Buffer.from(receipt.signed), publicKey, receipt.signature);
}

/** Whether the receipt was made with this HMAC key. */
export function isMadeWith(hmacKey: KeyObject, receipt: ParsedReceipt): boolean {
  if (receipt.algorithm !== "hs256") return false;
  return timingSafeEqual(createHmac("sha256", hmacKey).update(receipt.signed).digest(), receipt.signature);
}

/** The key of receipts of version 1. A derived key, so that a party that checks receipts cannot make tokens. */
export function v1Key(receiptSecret: string, jwtSecret: string): KeyObject {
  return createSecretKey(
    receiptSecret === ""
      ? Buffer.from(hkdfSync("sha256", jwtSecret, "", "stampede receipt", 32))
      : Buffer.from(receiptSecret),
  );
}

/**
 * A receipt of version 1: `v1.<milliseconds>.<HMAC-SHA256, base64url>` over version, request, user, sale and time. Requests from
 * before the first key of version 2 keep it, so that a repeat gets the receipt of the first answer.
 */
export function v1Receipt(key: KeyObject, requestId: RequestId, userId: UserId): string {
  const time = requestTime(requestId);
  const text = `v1\n${requestId}\n${userId}\n${saleOfRequest(requestId)}\n${time}`;
  return `v1.${time}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

/** Whether a receipt of version 1 was made with this key for exactly this claim. */
export function isV1ReceiptOf(key: KeyObject, receipt: string, requestId: RequestId, userId: UserId): boolean {
  const expected = Buffer.from(v1Receipt(key, requestId, userId));
  const given = Buffer.from(receipt);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
