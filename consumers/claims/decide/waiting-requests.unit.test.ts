import { expect, test } from "bun:test";
import { type CouponId, newRequestId, type UserId } from "../../../contracts/wire/ids.ts";
import type { Request } from "./request.ts";
import { WaitingRequests } from "./waiting-requests.ts";

const [RED, BLUE] = ["red000000000", "blue00000000"] as [CouponId, CouponId];
const at = (partition: number) => ({ topic: "t", partition });

function request(couponId: CouponId, partition: number, offset: number): Request {
  const record = { ...at(partition), offset, key: null, value: null, headers: {}, timestamp: 0 };
  return { couponId, userId: "u" as UserId, requestId: newRequestId(couponId, 0), loggedAt: 0, record };
}

const offsets = (turn: ReadonlyMap<CouponId, readonly Request[]>) =>
  Object.fromEntries([...turn].map(([id, requests]) => [id, requests.map(({ record }) => record.offset)]));

function waitingWith(...requests: Request[]): WaitingRequests {
  const waiting = new WaitingRequests();
  for (const one of requests) waiting.append(one);
  return waiting;
}
const many = (couponId: CouponId, partition: number, count: number) =>
  Array.from({ length: count }, (_, offset) => request(couponId, partition, offset));

test("the oldest request that waits holds its partition back, and no other", () => {
  const [seven, three] = [request(RED, 0, 7), request(BLUE, 0, 3)];
  const waiting = waitingWith(seven, request(RED, 0, 9), three);
  expect(waiting.firstOf(at(0))).toBe(3);
  expect(waiting.firstOf(at(1))).toBeUndefined();
  waiting.settled(BLUE, [three]);
  expect(waiting.firstOf(at(0))).toBe(7);
  expect(waiting.size).toBe(2);
  waiting.settled(RED, [seven]);
  expect(waiting.firstOf(at(0))).toBe(9);
});

test("a sale whose requests lie in two partitions holds both back, and keeps what is left when one is taken away", () => {
  const waiting = waitingWith(request(RED, 0, 7), request(RED, 1, 2), request(RED, 0, 9), request(RED, 1, 5));
  expect([waiting.firstOf(at(0)), waiting.firstOf(at(1))]).toEqual([7, 2]);
  waiting.revoked([at(0)]);
  expect([waiting.firstOf(at(0)), waiting.firstOf(at(1))]).toEqual([undefined, 2]);
  expect(offsets(waiting.turn(0))).toEqual({ [RED]: [2, 5] });
  waiting.append(request(RED, 0, 7)); // it came back
  expect(waiting.firstOf(at(0))).toBe(7);
  waiting.revoked([at(0), at(1)]);
  expect([waiting.size, waiting.turn(0).size]).toEqual([0, 0]);
});

test("a sale that waits is tried again after a moment with one request, then with all that came meanwhile, in order", () => {
  const first = request(RED, 0, 1);
  const waiting = waitingWith(first);
  waiting.postpone(RED, 1_000);
  waiting.append(request(RED, 0, 2));
  expect([waiting.due(1_100), waiting.turn(1_100).size]).toEqual([false, 0]);
  expect(waiting.due(1_250)).toBe(true);
  expect(offsets(waiting.turn(1_250))).toEqual({ [RED]: [1] });
  waiting.settled(RED, [first]);
  waiting.append(request(RED, 0, 3));
  expect(offsets(waiting.turn(1_250))).toEqual({ [RED]: [2, 3] });
});

test("a turn has some thousand requests of one sale at most, and no sale waits for the end of a long one", () => {
  const waiting = waitingWith(...many(RED, 0, 12_000), ...many(BLUE, 1, 3));
  const first = waiting.turn(0).get(RED)!;
  expect(first).toHaveLength(5_000);
  expect(waiting.turn(0).size).toBe(1);
  waiting.settled(RED, first);
  const second = waiting.turn(0);
  expect([...second.keys()]).toEqual([BLUE, RED]);
  expect(second.get(RED)![0]!.record.offset).toBe(5_000);
  expect(second.get(RED)).toHaveLength(4_997);
});

test("a sale that fails is ailing until one of its requests is settled; what no retry helps is halved at once", () => {
  const waiting = waitingWith(...many(RED, 0, 10));
  waiting.failed(RED, 0);
  expect([waiting.isAiling(RED), waiting.due(249), waiting.due(250)]).toEqual([true, false, true]);
  const [first] = waiting.turn(250).get(RED)!;
  waiting.settled(RED, [first!]);
  expect([waiting.isAiling(RED), waiting.turn(0).get(RED)?.length]).toEqual([false, 9]);
  waiting.halve(RED, 9);
  expect([waiting.isAiling(RED), waiting.turn(0).get(RED)?.length]).toEqual([true, 5]);
});

test("a partition that fills the memory is held back until half of it is settled; those with little flow on", () => {
  const red = many(RED, 0, 99_990);
  const waiting = waitingWith(...red);
  expect(waiting.overfull()).toEqual([]);
  for (const one of many(BLUE, 1, 10)) waiting.append(one);
  expect(waiting.overfull()).toMatchObject([at(0)]);
  waiting.settled(RED, red.slice(0, 49_990));
  expect(waiting.overfull()).toMatchObject([at(0)]);
  waiting.settled(RED, red.slice(49_990, 50_000));
  expect(waiting.overfull()).toEqual([]);
});

test("what was settled while its partition was taken away brings nothing back", () => {
  const waiting = waitingWith(request(RED, 0, 1), request(BLUE, 1, 1));
  const turn = waiting.turn(0);
  waiting.revoked([at(0)]);
  waiting.settled(RED, turn.get(RED)!);
  waiting.postpone(RED, 0);
  waiting.failed(RED, 0);
  expect([waiting.size, waiting.firstOf(at(0)), waiting.firstOf(at(1))]).toEqual([1, undefined, 1]);
});
