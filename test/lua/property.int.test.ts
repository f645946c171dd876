import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type CouponId, newCouponId, type RequestId } from "../../contracts/wire/ids.ts";
import type { ClaimRequest } from "../../lua/claim-batch.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale, readWinners } from "../../lua/sale-reading.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { openRedis } from "../support/redis.ts";
import { claimOf, connected, terms, user } from "./sale.ts";

let service: Awaited<ReturnType<typeof openRedis>>;
let redis: RedisConnection;

beforeAll(async () => {
  service = await openRedis();
  redis = await connected(service.url);
});
afterAll(async () => {
  redis?.disconnect();
  await service?.close();
});

/** What a sale must look like from outside, in thirty lines. */
class Model {
  state: "OPEN" | "PAUSED" | "CLOSED" | "RECOVERING" = "OPEN";
  epoch = 1;
  next = 0;
  freed: number[] = [];
  winners = new Map<string, { slot: number; requestId: RequestId }>();
  constructor(public total: number) {}

  get left() {
    return this.total - this.next + this.freed.length;
  }
  claim({ userId, requestId }: ClaimRequest) {
    if (this.state === "RECOVERING") return { code: "NOT_LOADED" };
    const won = this.winners.get(userId);
    if (won) return { code: "ALREADY_WON", ...won };
    if (this.state !== "OPEN") return { code: { PAUSED: "PAUSED", CLOSED: "ENDED" }[this.state] };
    if (this.left === 0) return { code: "SOLD_OUT" };
    const slot = this.freed.shift() ?? ++this.next;
    this.winners.set(userId, { slot, requestId });
    return { code: "ACCEPTED", slot, requestId };
  }
  release(userId: string, requestId: RequestId, epoch: number) {
    if (this.state === "RECOVERING") return "NOT_LOADED";
    if (epoch !== this.epoch) return "STALE_EPOCH";
    const won = this.winners.get(userId);
    if (won?.requestId !== requestId) return "NOT_HELD";
    this.winners.delete(userId);
    this.freed.push(won.slot);
    return "RELEASED";
  }
  setState(state: "OPEN" | "PAUSED" | "CLOSED") {
    if (this.state === "RECOVERING") return "NOT_LOADED";
    const code = this.state === state ? "UNCHANGED" : "CHANGED";
    this.state = state;
    return code;
  }
  resize(total: number) {
    if (this.state === "RECOVERING") return { code: "NOT_LOADED" };
    if (total === this.total) return { code: "UNCHANGED" };
    const smallestTotal = Math.max(1, ...[...this.winners.values()].map(({ slot }) => slot));
    if (total < smallestTotal) return { code: "CONFLICT", smallestTotal };
    this.freed = this.freed.filter((slot) => slot <= total);
    this.next = Math.min(this.next, total);
    this.total = total;
    return { code: "CHANGED" };
  }
  load(state: "OPEN" | "PAUSED" | "CLOSED") {
    const taken = new Set([...this.winners.values()].map(({ slot }) => slot));
    this.next = Math.max(0, ...taken);
    this.freed = Array.from({ length: this.next }, (_, i) => i + 1).filter((slot) => !taken.has(slot));
    this.state = state;
  }
}

const USERS = ["ada", "bea", "cem", "dan", "eve", "fay", "gus"];
const anyUser = fc.constantFrom(...USERS);
const anyState = fc.constantFrom("OPEN", "OPEN", "OPEN", "PAUSED", "CLOSED");
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("claim"), users: fc.array(anyUser, { minLength: 1, maxLength: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("release"), user: anyUser, epochOff: fc.constantFrom(0, 0, 0, -1, 1) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat"), at: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("state"), state: anyState }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("resize"), total: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fence") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("load"), state: anyState }) },
);
type Operation = {
  do: "claim" | "release" | "repeat" | "state" | "resize" | "fence" | "load";
  users: string[];
  user: string;
  epochOff: number;
  at: number;
  total: number;
  state: "OPEN" | "PAUSED" | "CLOSED";
};

async function play(couponId: CouponId, model: Model, operations: readonly Operation[]): Promise<void> {
  const scripts = createSaleScripts(redis);
  const loading = createSaleLoading(redis);
  const past: ClaimRequest[] = [];
  const claim = async (claims: ClaimRequest[]) => {
    const batch = await scripts.claim(couponId, claims);
    expect(batch.results as unknown[]).toMatchObject(claims.map((one) => model.claim(one)));
    if (model.state !== "RECOVERING") expect(batch).toMatchObject({ left: model.left, epoch: model.epoch });
  };
  for (const op of operations) {
    if (op.do === "claim") {
      const claims = op.users.map((name) => claimOf(couponId, name));
      past.push(...claims);
      await claim(claims);
    } else if (op.do === "repeat") {
      if (past.length > 0) await claim([past[op.at % past.length]!]);
    } else if (op.do === "release") {
      const held = model.winners.get(op.user) ?? past.findLast(({ userId }) => userId === op.user);
      if (!held) continue;
      const epoch = model.epoch + op.epochOff;
      const expected = model.release(op.user, held.requestId, epoch);
      const code = await scripts.release(couponId, {
        userId: user(op.user),
        requestId: held.requestId,
        epoch,
        reason: "INTERNAL",
      });
      expect(code).toBe(expected as never);
    } else if (op.do === "state") {
      expect(await scripts.setState(couponId, op.state)).toBe(model.setState(op.state) as never);
    } else if (op.do === "resize") {
      expect(await scripts.resize(couponId, op.total, 0)).toEqual(model.resize(op.total) as never);
    } else if (op.do === "fence") {
      model.epoch++;
      model.state = "RECOVERING";
      expect(await loading.fence(couponId, model.epoch)).toBe("CHANGED");
    } else {
      const snapshot = [...model.winners].map(([name, won]) => ({ userId: user(name), ...won }));
      const sale = terms({ total: model.total, state: op.state });
      expect(await loading.load(couponId, sale, model.epoch, snapshot)).toBe("LOADED");
      if (model.state === "RECOVERING") model.load(op.state);
    }
    await compare(couponId, model);
  }
}

/** Redis equals the model, and the model keeps the promises. */
async function compare(couponId: CouponId, model: Model): Promise<void> {
  const { state, epoch, total, next, left } = model;
  const winners = new Map<string, { slot: number; requestId: RequestId }>();
  for await (const portion of readWinners(redis, couponId)) {
    for (const { userId, slot, requestId } of portion) winners.set(userId, { slot, requestId });
  }
  expect(winners).toEqual(model.winners);
  const freed = model.freed.length;
  expect(await readSale(redis, couponId)).toMatchObject({
    state,
    epoch,
    total,
    next,
    freed,
    left,
    winners: winners.size,
  });
  const slots = [...winners.values()].map(({ slot }) => slot);
  expect(new Set(slots).size).toBe(slots.length);
  expect(slots.every((slot) => slot >= 1 && slot <= model.total)).toBe(true);
  expect(winners.size + left).toBe(model.total);
}

test("any interleaving of claims, releases, states, resizes, fences and loads keeps the promises", async () => {
  const run = fc.asyncProperty(
    fc.integer({ min: 1, max: 8 }),
    fc.array(operation as fc.Arbitrary<Operation>, { maxLength: 40 }),
    async (total, operations) => {
      const couponId = newCouponId();
      const model = new Model(total);
      const loading = createSaleLoading(redis);
      await loading.fence(couponId, 1);
      await loading.load(couponId, terms({ total }), 1, []);
      await play(couponId, model, operations);
    },
  );
  await fc.assert(run, { numRuns: propertyRuns(500) });
}, 180_000);

test("many processes claiming at once never win a slot twice, nor a user twice", async () => {
  const couponId = newCouponId();
  const loading = createSaleLoading(redis);
  await loading.fence(couponId, 1);
  await loading.load(couponId, terms({ total: 500 }), 1, []);
  const connections = await Promise.all(Array.from({ length: 8 }, () => connected(service.url)));
  const slots = new Map<number, string>();
  let refused = 0;
  await Promise.all(
    connections.map(async (connection, process) => {
      const scripts = createSaleScripts(connection);
      for (let i = 0; i < 40; i++) {
        const claims = Array.from({ length: 8 }, (_, j) => claimOf(couponId, `u${(i * 8 + j + process * 100) % 900}`));
        const { results } = await scripts.claim(couponId, claims);
        for (const [at, result] of results.entries()) {
          if (result.code === "SOLD_OUT") refused++;
          if (result.code !== "ACCEPTED" && result.code !== "ALREADY_WON") continue;
          const holder = slots.get(result.slot) ?? claims[at]!.userId;
          expect(holder).toBe(claims[at]!.userId);
          slots.set(result.slot, holder);
        }
      }
    }),
  );
  for (const connection of connections) connection.disconnect();
  expect([...slots.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  expect(new Set(slots.values()).size).toBe(500);
  expect(refused).toBeGreaterThan(0);
}, 180_000);
