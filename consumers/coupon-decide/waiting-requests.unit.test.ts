import { expect, test } from "bun:test";
import { type CouponId, newRequestId, type UserId } from "../../contracts/ids.ts";
import type { Request } from "./request.ts";
import { WaitingRequests } from "./waiting-requests.ts";

const [RED, BLUE] = ["red000000000", "blue00000000"] as [CouponId, CouponId];
const at = (partition: number) => ({ topic: "t", partition });

function request(couponId: CouponId, partition: number, offset: number): Request {
  const record = { ...at(partition), offset, key: null, value: null, headers: {}, timestamp: 0 };
  return { couponId, userId: "u" as UserId, requestId: newRequestId(couponId, 0), loggedAt: 0, record };
}

test("the oldest request that waits holds its partition back, and no other", () => {
  const waiting = new WaitingRequests();
  const since = waiting.tenures();
  waiting.keep(RED, [request(RED, 0, 7), request(RED, 0, 9)], since, 0);
  waiting.keep(BLUE, [request(BLUE, 0, 3)], since, 0);
  expect(waiting.firstOf(at(0))).toBe(3);
  expect(waiting.firstOf(at(1))).toBeUndefined();
  waiting.keep(BLUE, [], since, 0);
  expect(waiting.firstOf(at(0))).toBe(7);
  expect(waiting.size).toBe(2);
});

test("a sale is tried again after a moment, with all that came meanwhile, in order", () => {
  const waiting = new WaitingRequests();
  waiting.keep(RED, [request(RED, 0, 1)], waiting.tenures(), 1_000);
  waiting.append(request(RED, 0, 2));
  expect(waiting.due(1_100)).toBe(false);
  expect(waiting.dueSales(1_100).size).toBe(0);
  expect(waiting.due(1_250)).toBe(true);
  expect(
    waiting
      .dueSales(1_250)
      .get(RED)!
      .map(({ record }) => record.offset),
  ).toEqual([1, 2]);
});

test("what waited in a partition that was taken away is gone, and a batch that began before brings nothing back", () => {
  const waiting = new WaitingRequests();
  const since = waiting.tenures();
  waiting.keep(RED, [request(RED, 0, 1)], since, 0);
  waiting.keep(BLUE, [request(BLUE, 1, 1)], since, 0);
  waiting.revoked([at(0)]);
  expect(waiting.has(RED)).toBe(false);
  waiting.keep(RED, [request(RED, 0, 1)], since, 0);
  waiting.append(request(RED, 0, 2));
  waiting.keep(BLUE, [request(BLUE, 1, 1)], since, 0); // still ours
  expect(waiting.firstOf(at(0))).toBeUndefined();
  expect(waiting.firstOf(at(1))).toBe(1);
  expect(waiting.size).toBe(1);
  waiting.keep(RED, [request(RED, 0, 1)], waiting.tenures(), 0); // it came back
  expect(waiting.firstOf(at(0))).toBe(1);
});
