import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import type { Sale } from "../../contracts/claims/http.ts";
import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import { orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import { newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { RESULTS } from "../../contracts/wire/result-codes.ts";
import { ServerMessages } from "../../contracts/wire/socket-messages.ts";
import * as replies from "./replies.ts";

const couponId = newCouponId();
const requestId = newRequestId(couponId, Date.now());
const orderId = orderIdOf("user-1" as UserId, "key", "{}");
const cursor = "1700000000000-0.abcdefgh";

/** What the published schema finds wrong. TypeBox knows no formats by itself, and none is of our making here. */
function faults(text: string): string[] {
  const message = JSON.parse(text) as { type: keyof typeof ServerMessages };
  const errors = [...Value.Errors(ServerMessages[message.type], message)];
  return errors.filter(({ schema }) => schema.format === undefined).map(({ path, message: why }) => `${path} ${why}`);
}

test("every answer is as the published schema says", () => {
  const refused = (code: ClaimRefusal) => replies.claimText(couponId, { kind: "refused", code, retryAfterS: 0.2 }, "r");
  const body = { requestId, couponId, slot: 7, status: "ACCEPTED", durable: "kafka", receipt: "x" } as const;
  const texts = [
    replies.errorText("MESSAGE_INVALID", "why", "ref"),
    replies.welcomeText("user-1" as UserId, cursor, Date.UTC(2027, 0, 1)),
    replies.saleChangedText({
      couponId,
      state: "RECOVERING",
      remaining: null,
      startsAt: "2027-01-01T00:00:00.000Z",
      endsAt: "2027-01-02T00:00:00.000Z",
    } as Sale),
    replies.pongText(undefined),
    replies.subscribedText(couponId, "ref"),
    replies.saleText("opened", couponId),
    replies.saleText("soldout", couponId),
    replies.resumedText(cursor, 3),
    replies.resyncText(
      cursor,
      { items: [{ couponId, requestId, slot: 1, status: "ACTIVE" }], nextCursor: null },
      {
        items: [
          { orderId, orderNumber: orderNumberOf(orderId), status: "PROCESSING" },
          { orderId, orderNumber: orderNumberOf(orderId), status: "CANCELLED", failureReason: "PAYMENT_DECLINED" },
        ],
        nextCursor: "more",
      },
    ),
    replies.claimText(couponId, { kind: "accepted", body }, undefined),
    replies.claimText(couponId, { kind: "accepted", body: { ...body, repeat: true } }, "ref"),
    ...(Object.keys(RESULTS) as ClaimRefusal[]).map(refused),
    replies.withCursor(
      JSON.stringify({ type: "coupon.issued", issuedAt: "2027-01-01", couponId, requestId, slot: 1 }),
      cursor,
    ),
    replies.withCursor(JSON.stringify({ type: "coupon.failed", couponId, requestId, reason: "ENDED" }), cursor),
  ];
  for (const text of texts) expect([text, faults(text)]).toEqual([text, []]);
});

test("a refusal says what the HTTP problem would, and keeps the message's own type", () => {
  const extra = { startsAt: "2027-01-01T00:00:00.000Z" };
  const text = replies.claimText(couponId, { kind: "refused", code: "NOT_STARTED", retryAfterS: 2.1, extra }, "7");
  expect(JSON.parse(text)).toEqual({
    type: "claim.refused",
    couponId,
    ref: "7",
    title: "The sale has not started",
    status: 403,
    code: "NOT_STARTED",
    detail: "The sale has not started",
    retryable: true,
    retryAfterS: 3,
    ...extra,
  });
});
