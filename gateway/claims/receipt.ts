import { createHmac, createSecretKey, timingSafeEqual } from "node:crypto";
import { type CouponId, type RequestId, requestTime, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";

export interface Receipts {
  /** Proof that this user's claim was accepted. The same claim always gets the same receipt. */
  sign(requestId: RequestId, userId: UserId): string;
  /** Whether a receipt was signed with our key for exactly this claim. */
  verify(receipt: string, requestId: RequestId, userId: UserId): boolean;
}

/**
 * Receipts are `v1.<milliseconds>.<HMAC-SHA256, base64url>` over version, request, user, sale and time. The time is the
 * one inside the request id, so a repeated answer carries the same receipt without anything being stored.
 */
export function createReceipts(secret: Uint8Array): Receipts {
  const key = createSecretKey(secret);
  function sign(requestId: RequestId, userId: UserId): string {
    const time = requestTime(requestId);
    const couponId: CouponId = saleOfRequest(requestId);
    const mac = createHmac("sha256", key)
      .update(`v1\n${requestId}\n${userId}\n${couponId}\n${time}`)
      .digest("base64url");
    return `v1.${time}.${mac}`;
  }
  return {
    sign,
    verify(receipt, requestId, userId) {
      const expected = Buffer.from(sign(requestId, userId));
      const given = Buffer.from(receipt);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
