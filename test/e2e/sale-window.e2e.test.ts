import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("window", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const HOUR_MS = 3_600_000;
let users = 0;
const nextToken = () => system.token(`user-${users++}`);

interface Shot {
  readonly sentAt: number;
  readonly heardAt: number;
  readonly answer: ApiAnswer;
}

/** How many claims must lie on either side of a moment. */
const ENOUGH = 6;

/** Claims of different users, one every few milliseconds on alternating gateways, until there are enough after a moment. */
async function claimAround(couponId: string, moment: number): Promise<Shot[]> {
  const shots: Promise<Shot>[] = [];
  for (let i = 0, after = 0; after < ENOUGH || Date.now() < moment + 150; i++) {
    if (Date.now() >= moment) after++;
    const sentAt = Date.now();
    const shot = claim(system.gateways[i % 2]!.url, couponId, nextToken());
    shots.push(shot.then((answer) => ({ sentAt, heardAt: Date.now(), answer })));
    await Bun.sleep(5);
  }
  return Promise.all(shots);
}

test("a sale opens by itself at startsAt: before it NOT_STARTED with the time, from then on 202, to the millisecond", async () => {
  const { id, startsAt } = await system.createSale({ total: 10_000, startsInMs: 6_000 });
  const start = Date.parse(startsAt);
  expect((await call(`${system.url}/coupons/${id}`)).body.state).toBe("SCHEDULED");
  const askedAt = Date.now();
  const early = await claim(system.url, id, nextToken());
  expect(early).toMatchObject({ status: 403, body: { code: "NOT_STARTED", startsAt, retryable: true } });
  const wait = Number(early.headers.get("retry-after"));
  expect(wait).toBeGreaterThanOrEqual(1);
  expect(wait).toBeLessThanOrEqual(Math.ceil((start - askedAt) / 1_000));

  await Bun.sleep(Math.max(0, start - Date.now() - 3_000)); // many come before it, on a slow machine, too
  const shots = await claimAround(id, start);
  const before = shots.filter(({ heardAt }) => heardAt < start);
  const after = shots.filter(({ sentAt }) => sentAt >= start);
  expect(before.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(after.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(new Set(before.map(({ answer }) => answer.body.code))).toEqual(new Set(["NOT_STARTED"]));
  expect(new Set(after.map(({ answer }) => answer.status))).toEqual(new Set([202]));
});

test("a sale ends by itself at endsAt, and a winner still gets their win afterwards", async () => {
  const { id, endsAt } = await system.createSale({ total: 10_000, endsInMs: 6_000 });
  const end = Date.parse(endsAt);
  const winner = nextToken();
  const won = await claim(system.url, id, winner);
  expect(won.status).toBe(202);
  await Bun.sleep(Math.max(0, end - Date.now() - 3_000));
  const shots = await claimAround(id, end);
  const before = shots.filter(({ heardAt }) => heardAt < end);
  const after = shots.filter(({ sentAt }) => sentAt >= end);
  expect(before.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(after.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(new Set(before.map(({ answer }) => answer.status))).toEqual(new Set([202]));
  expect(new Set(after.map(({ answer }) => answer.body.code))).toEqual(new Set(["ENDED"]));
  expect((await call(`${system.url}/coupons/${id}`)).body.state).toBe("ENDED");
  const { requestId } = won.body;
  const status = await until("the win is issued", async () => {
    const { body } = await call(`${system.gateways[1]!.url}/coupons/requests/${requestId}`, { token: winner });
    return body.status === "ISSUED" && body;
  });
  expect(status).toMatchObject({ requestId, slot: won.body.slot });
});

/** Every gateway answers a claim of a new user like this, at the latest when the news has reached it. */
async function everywhere(couponId: string, expected: { status: number; code?: string }): Promise<void> {
  for (const { url } of system.gateways) {
    await until(`${url} answers ${expected.code ?? expected.status}`, async () => {
      const { status, body } = await claim(url, couponId, nextToken());
      return status === expected.status && body.code === expected.code;
    });
  }
}

test("a sale that ended so long ago that Redis does not hold it has ended, and is not being recovered", async () => {
  const { id } = await system.createSale({ total: 10, startsInMs: -1_000 * HOUR_MS, endsInMs: -900 * HOUR_MS });
  expect(await system.redis.exists(saleKeys(id as CouponId).sale)).toBe(0);
  for (const { url } of system.gateways) {
    expect(await claim(url, id, nextToken())).toMatchObject({ status: 403, body: { code: "ENDED", retryable: false } });
  }
});

test("pause, open and close of an operator hold on every gateway, and doing them twice is doing them once", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  const order = async (action: string) => {
    const answer = await call(`${system.gateways[0]!.url}/admin/coupons/${id}/${action}`, {
      method: "POST",
      token: system.operator,
    });
    expect(answer.status).toBe(200);
    return answer.body.state;
  };
  await everywhere(id, { status: 202 });
  expect(await order("pause")).toBe("PAUSED");
  // Redis decides: no gateway lets one more through once the operator has the answer.
  for (const { url } of system.gateways) {
    expect(await claim(url, id, nextToken())).toMatchObject({ status: 403, body: { code: "PAUSED", retryable: true } });
  }
  expect(await order("pause")).toBe("PAUSED");
  expect(await order("open")).toBe("OPEN");
  await everywhere(id, { status: 202 });
  expect(await order("close")).toBe("CLOSED");
  for (const { url } of system.gateways) {
    expect(await claim(url, id, nextToken())).toMatchObject({ status: 403, body: { code: "ENDED" } });
  }
  expect(await order("open")).toBe("OPEN");
  await everywhere(id, { status: 202 });
  await system.settled(id);
  expect(await system.violations()).toEqual([]);
});
