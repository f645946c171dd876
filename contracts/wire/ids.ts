import { randomFillSync } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { FIRST_MOMENT_MS } from "./clock.ts";

// Crockford's base 32 in lower case: no i, l, o, u, so an id can be read out over the phone.
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const COUPON_ID_LENGTH = 12;
const TIME_LENGTH = 9; // 45 bits of milliseconds: until the year 3139
const LAST_TIME = 32 ** TIME_LENGTH - 1;
const NOISE_LENGTH = 9; // 45 random bits per millisecond and sale

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A sale's id: 12 characters `[0-9a-z]`, 60 random bits. */
export type CouponId = Branded<string, "CouponId">;
/** A claim's id: `<couponId>-<time><noise>`. It contains its sale's id, so a status lookup needs no index. */
export type RequestId = Branded<string, "RequestId">;
/**
 * The `sub` of a token, as identity providers make it (`auth0|…`, an e-mail address): 1–128 printable ASCII characters without
 * space (it separates words in Redis), braces (they mark hash tags), quotes and backslash (JSON and array literals escape them).
 */
export type UserId = Branded<string, "UserId">;

export const COUPON_ID = /^[0-9a-z]{12}$/;
export const REQUEST_ID = /^[0-9a-z]{12}-[0-9a-z]{18}$/;
export const USER_ID = /^[!#-&(-[\]-z|~]{1,128}$/;
/** The same rule, in words for error messages. */
export const USER_ID_TEXT = "1–128 printable ASCII characters without spaces, braces, quotes and backslashes";

export const CouponIdSchema = Type.Unsafe<CouponId>(
  Type.String({ pattern: COUPON_ID.source, examples: ["7qj4x0m2kd9a"] }),
);
export const RequestIdSchema = Type.Unsafe<RequestId>(
  Type.String({ pattern: REQUEST_ID.source, examples: ["7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd"] }),
);
export const UserIdSchema = Type.Unsafe<UserId>(
  Type.String({ pattern: USER_ID.source, examples: ["user-42", "auth0|5f7c8ec7c33c6c004bbafe82"] }),
);
export type UserIdText = Static<typeof UserIdSchema>;

const pool = new Uint8Array(4096);
let used = pool.length;

/** `length` random characters of the alphabet. Bytes come from a pool, because a system call per id costs more than the claim's JSON. */
export function noise(length: number): string {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let text = "";
  for (let end = used + length; used < end; used++) text += ALPHABET[pool[used]! & 31];
  return text;
}

/** A new sale's id. */
export function newCouponId(): CouponId {
  return noise(COUPON_ID_LENGTH) as CouponId;
}

/**
 * A new claim's id. It contains `nowMs`; `requestTime` reads it back, so a repeated answer carries the same receipt. A time that an
 * id cannot encode (the clock was set while the process ran) becomes the nearest time that it can.
 */
export function newRequestId(couponId: CouponId, nowMs: number): RequestId {
  let time = "";
  const sinceFirst = Math.min(Math.max(Math.floor(nowMs) - FIRST_MOMENT_MS, 0), LAST_TIME);
  for (let rest = sinceFirst, i = 0; i < TIME_LENGTH; i++) {
    time = ALPHABET[rest % 32]! + time;
    rest = Math.floor(rest / 32);
  }
  return `${couponId}-${time}${noise(NOISE_LENGTH)}` as RequestId;
}

/** The sale that a request belongs to. */
export function saleOfRequest(requestId: RequestId): CouponId {
  return requestId.slice(0, COUPON_ID_LENGTH) as CouponId;
}

/** When the gateway received the request, in milliseconds since 1970. */
export function requestTime(requestId: RequestId): number {
  let ms = 0;
  for (let i = COUPON_ID_LENGTH + 1; i < COUPON_ID_LENGTH + 1 + TIME_LENGTH; i++) {
    ms = ms * 32 + ALPHABET.indexOf(requestId[i]!);
  }
  return ms + FIRST_MOMENT_MS;
}

export const isCouponId = (text: string): text is CouponId => COUPON_ID.test(text);
export const isRequestId = (text: string): text is RequestId => REQUEST_ID.test(text);
export const isUserId = (text: string): text is UserId => USER_ID.test(text);
