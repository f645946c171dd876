import type { KeyObject } from "node:crypto";
import {
  isV1ReceiptOf,
  parseReceipt,
  type ReceiptFacts,
  receiptPrefix,
  signedText,
  v1Receipt,
  withHmac,
  withSignature,
} from "../../contracts/claims/receipt.ts";
import { faultOfReceipt, type ReceiptKey } from "../../contracts/claims/receipt-keys.ts";
import { type RequestId, requestTime, type UserId } from "../../contracts/wire/ids.ts";

/** A receipt that everybody can check. */
export interface SignedReceipt {
  readonly keyId: string;
  readonly receipt: string;
}

export interface Receipts {
  /**
   * The receipt in the answer to a claim, by HMAC: a signature would cost half a claim. The same request always gets the same
   * receipt, from every gateway that has the same keys.
   */
  ofClaim(kind: "ACCEPTED" | "PENDING", requestId: RequestId, userId: UserId): string;
  /** The same facts signed with Ed25519, which the published keys prove. Takes 20 µs (Bun) to 45 µs (Node). */
  signed(facts: ReceiptFacts): SignedReceipt;
  /** Whether a receipt, of whichever version, was made with our keys for exactly this claim. */
  verify(receipt: string, requestId: RequestId, userId: UserId): boolean;
}

/** A key that signs, and the time of the first request that it signs. */
interface Signer {
  readonly from: number;
  readonly id: string;
  readonly hmacPrefix: string;
  readonly prefix: string;
  readonly privateKey: KeyObject;
  readonly hmacKey: KeyObject;
}

/**
 * The signers, the latest first. A key signs the requests from its `notBefore` until the next key's, by the time in the request
 * id, so that a repeat after a rotation gets the receipt of the first answer. A retired key's requests are signed by the key
 * that followed it.
 */
function signersOf(keys: readonly ReceiptKey[]): readonly Signer[] {
  const signers: Signer[] = [];
  let successor: Signer | undefined;
  for (const { id, notBefore, secrets } of keys.toReversed()) {
    if (secrets !== null) {
      const prefixes = { hmacPrefix: receiptPrefix("hs256", id), prefix: receiptPrefix("ed25519", id) };
      successor = { from: notBefore, id, ...prefixes, ...secrets };
    }
    if (successor !== undefined) signers.push({ ...successor, from: notBefore });
  }
  return signers;
}

/**
 * Why these keys can't sign at this moment; null: they can.
 * A key must be published before it signs, so a gateway does not start with keys that are all for later.
 */
export function whyKeysCannotSign(keys: readonly ReceiptKey[], nowMs: number): string | null {
  const current = keys.findLast(({ notBefore }) => notBefore <= nowMs);
  if (current === undefined) return "no key may sign yet: the `notBefore` of all keys lies in the future";
  const retired = keys.find(({ secrets }, i) => secrets === null && i >= keys.indexOf(current));
  if (retired !== undefined) return `key ${retired.id} is to sign and has no private part \`d\``;
  return null;
}

/**
 * @param keys as `parseReceiptKeys` returns them; the last one has a private part
 * @param v1Key of receipts for requests from before the first key
 */
export function createReceipts(keys: readonly ReceiptKey[], v1Key: KeyObject): Receipts {
  const signers = signersOf(keys);
  const earliest = signers.at(-1)!;

  /** undefined: the request is older than all keys. */
  function signerAt(time: number): Signer | undefined {
    for (const signer of signers) if (signer.from <= time) return signer;
    return undefined;
  }

  return {
    ofClaim(kind, requestId, userId) {
      const time = requestTime(requestId);
      const signer = signerAt(time);
      if (signer === undefined) return v1Receipt(v1Key, requestId, userId);
      return withHmac(signer.hmacKey, signedText(signer.hmacPrefix, { kind, requestId, userId, slot: null }, time));
    },
    signed(facts) {
      const time = requestTime(facts.requestId);
      const { id, prefix, privateKey } = signerAt(time) ?? earliest;
      return { keyId: id, receipt: withSignature(privateKey, signedText(prefix, facts, time)) };
    },
    verify(receipt, requestId, userId) {
      if (receipt.startsWith("v1.")) return isV1ReceiptOf(v1Key, receipt, requestId, userId);
      const parsed = parseReceipt(receipt);
      if (parsed === null || parsed.requestId !== requestId || parsed.userId !== userId) return false;
      return faultOfReceipt(keys, parsed) === null;
    },
  };
}
