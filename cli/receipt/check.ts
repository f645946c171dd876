import type { KeyObject } from "node:crypto";
import { isV1ReceiptOf, parseReceipt, type ReceiptFacts } from "../../contracts/claims/receipt.ts";
import { faultOfReceipt, type ReceiptFault, type ReceiptKey } from "../../contracts/claims/receipt-keys.ts";
import { type RequestId, requestTime, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";

/** Whose request the receipt must be about, as far as the caller says it. */
export interface Expected {
  readonly requestId?: RequestId | undefined;
  readonly userId?: UserId | undefined;
}

/** What a receipt proves, or why it proves nothing. */
export type Verdict =
  | {
      readonly ok: true;
      readonly version: 1 | 2;
      /** null: the gateway's secret, of version 1. */
      readonly keyId: string | null;
      readonly algorithm: "ed25519" | "hs256";
      /** Version 1 does not say whether the claim was granted or logged. */
      readonly kind: ReceiptFacts["kind"] | null;
      readonly couponId: string;
      readonly requestId: string;
      readonly userId: string;
      readonly slot: number | null;
      /** When the gateway received the request. */
      readonly receivedAt: string;
    }
  | { readonly ok: false; readonly fault: VerdictFault };

export type VerdictFault = ReceiptFault | "NO_RECEIPT" | "NEEDS_REQUEST_AND_USER" | "OTHER_REQUEST" | "OTHER_USER";

export const FAULT_TEXTS: Readonly<Record<VerdictFault, string>> = {
  NO_RECEIPT: "this is no receipt, or a part of it was changed or lost",
  UNKNOWN_KEY: "the key that it names is not among these keys",
  NEEDS_PRIVATE_KEY:
    "it is an HMAC, which only the gateway's own keys can check; GET /coupons/requests/<id>/receipt gives its owner a signed one",
  WRONG_SIGNATURE: "the signature is wrong: a part of it was changed, or another key made it",
  NEEDS_REQUEST_AND_USER: "a receipt of version 1 does not name its claim: say --request and --user",
  OTHER_REQUEST: "it is genuine, but about another request",
  OTHER_USER: "it is genuine, but another user's",
};

const wrong = (fault: VerdictFault): Verdict => ({ ok: false, fault });

/** Checks a receipt of either version. `v1Key`: of this installation's gateways. */
export function checkReceipt(
  receipt: string,
  keys: readonly ReceiptKey[],
  v1Key: () => KeyObject,
  expected: Expected,
): Verdict {
  if (receipt.startsWith("v1.")) return checkV1(receipt, v1Key, expected);
  const parsed = parseReceipt(receipt);
  if (parsed === null) return wrong("NO_RECEIPT");
  const fault = faultOfReceipt(keys, parsed);
  if (fault !== null) return wrong(fault);
  const { algorithm, keyId, kind, couponId, requestId, userId, slot, time } = parsed;
  if (expected.requestId !== undefined && expected.requestId !== requestId) return wrong("OTHER_REQUEST");
  if (expected.userId !== undefined && expected.userId !== userId) return wrong("OTHER_USER");
  const receivedAt = new Date(time).toISOString();
  return { ok: true, version: 2, keyId, algorithm, kind, couponId, requestId, userId, slot, receivedAt };
}

function checkV1(receipt: string, v1Key: () => KeyObject, { requestId, userId }: Expected): Verdict {
  if (requestId === undefined || userId === undefined) return wrong("NEEDS_REQUEST_AND_USER");
  if (!isV1ReceiptOf(v1Key(), receipt, requestId, userId)) return wrong("WRONG_SIGNATURE");
  const receivedAt = new Date(requestTime(requestId)).toISOString();
  const couponId = saleOfRequest(requestId);
  const genuine = { version: 1, keyId: null, algorithm: "hs256", kind: null, slot: null } as const;
  return { ok: true, ...genuine, couponId, requestId, userId, receivedAt };
}
