import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { SaleState } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, newCouponId, newRequestId } from "../../contracts/wire/ids.ts";
import type { ClaimReply } from "../../gateway/claims/claim.ts";
import { timeAt } from "../../lua/commands.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { Client } from "./client.ts";
import { startTestRoom, type TestRoom, tokenFor } from "./room-under-test.ts";

let redis: RedisServer;
let under: TestRoom;
const open = newCouponId();
const soldOut = newCouponId();
const gated = newCouponId();
const unknown = newCouponId();
const future = newCouponId();
let startsAt = 0;
const states = new Map<CouponId, SaleState>([
  [open, "OPEN"],
  [soldOut, "SOLD_OUT"],
]);
let hold: Promise<void> | undefined;
let claimed: string[] = [];

async function claimForUser(userId: string, couponId: string): Promise<ClaimReply> {
  claimed.push(`${userId} ${couponId}`);
  await hold;
  if (userId === "broken") throw new Error("not ours");
  if (userId === "broken-inside") throw new StampedeError("INTERNAL", "words for the log");
  if (couponId === unknown) return { kind: "refused", code: "COUPON_NOT_FOUND" };
  if (couponId === future) return { kind: "refused", code: "NOT_STARTED" };
  if (couponId === soldOut) return { kind: "refused", code: "SOLD_OUT", retryAfterS: 0.5 };
  const id = couponId as CouponId;
  const requestId = newRequestId(id, Date.now());
  const body = { requestId, couponId: id, slot: 1, status: "ACCEPTED", durable: "kafka", receipt: "r" } as const;
  return { kind: "accepted", body };
}

beforeAll(async () => {
  redis = await startRedis();
  under = await startTestRoom(redis.url, {
    claimForUser,
    gate: (couponId, userId) => (couponId === gated && userId !== "winner" ? "SOLD_OUT" : undefined),
    viewSale: async (couponId) => {
      if (couponId === gated) throw new StampedeError("DATABASE_UNAVAILABLE");
      if (couponId === future) startsAt ||= Date.now() + 300; // from the first look on, however slow the machine is
      const state = couponId === future ? (Date.now() < startsAt ? "SCHEDULED" : "OPEN") : states.get(couponId);
      return state === undefined ? null : { state, startsAt: new Date(startsAt).toISOString(), issueMode: "DIRECT" };
    },
  });
});
afterAll(async () => {
  await under.stop();
  await redis.remove();
});

test("a claim over the socket is answered under its ref", async () => {
  const client = await Client.signedIn(under.port, tokenFor("claimer"));
  expect(await client.ask({ type: "claim", couponId: open, ref: "1" }, "claim.accepted")).toMatchObject({
    ref: "1",
    couponId: open,
    slot: 1,
    status: "ACCEPTED",
    durable: "kafka",
  });
  expect(await client.ask({ type: "claim", couponId: soldOut }, "claim.refused")).toEqual({
    type: "claim.refused",
    couponId: soldOut,
    title: "The sale is sold out",
    status: 409,
    code: "SOLD_OUT",
    detail: "The sale is sold out",
    retryable: false,
    retryAfterS: 1,
  });
  client.close();
});

test("ids that cannot be a coupon's are refused without a question to Redis or PostgreSQL", async () => {
  claimed = [];
  const client = await Client.signedIn(under.port, tokenFor("claimer"));
  for (const couponId of ["", "x", "'; DROP TABLE coupons", "A".repeat(12), "__proto__"]) {
    expect((await client.ask({ type: "claim", couponId }, "claim.refused")).code).toBe("COUPON_NOT_FOUND");
    expect((await client.ask({ type: "subscribe", couponId }, "error")).code).toBe("COUPON_NOT_FOUND");
  }
  expect(claimed).toEqual([]);
  client.close();
});

test("a refusal from memory does not reach the claim path, except for who may have won", async () => {
  claimed = [];
  const [loser, winner] = await Promise.all(
    ["loser", "winner"].map((user) => Client.signedIn(under.port, tokenFor(user))),
  );
  expect((await loser!.ask({ type: "claim", couponId: gated }, "claim.refused")).code).toBe("SOLD_OUT");
  expect((await winner!.ask({ type: "claim", couponId: gated }, "claim.accepted")).slot).toBe(1);
  expect(claimed).toEqual([`winner ${gated}`]);
  under.room.saleChanged(gated, "opened");
  expect((await loser!.next("sale.opened")).couponId).toBe(gated); // both follow the sale
  expect((await winner!.next("sale.opened")).couponId).toBe(gated);
  loser!.close();
  winner!.close();
});

test("who claimed or subscribed hears of the sale, who did not does not", async () => {
  const [byClaim, bySubscription, byUnknown, stranger] = await Promise.all(
    ["a", "b", "c", "d"].map((user) => Client.signedIn(under.port, tokenFor(user))),
  );
  await byClaim!.ask({ type: "claim", couponId: open }, "claim.accepted");
  const subscribed = await bySubscription!.ask({ type: "subscribe", couponId: open, ref: "s" }, "subscribed");
  expect(subscribed).toEqual({ type: "subscribed", couponId: open, ref: "s" });
  await byUnknown!.ask({ type: "claim", couponId: unknown }, "claim.refused");
  under.room.saleChanged(open, "soldout");
  under.room.saleChanged(unknown, "soldout");
  for (const client of [byClaim!, bySubscription!]) {
    expect(await client.next("sale.soldout")).toEqual({ type: "sale.soldout", couponId: open });
  }
  under.room.saleChanged(open, "opened");
  expect(await byClaim!.next("sale.opened")).toEqual({ type: "sale.opened", couponId: open });
  for (const client of [byUnknown!, stranger!]) {
    await client.ask({ type: "ping" }, "pong");
    expect(client.received).toEqual([]);
  }
  for (const client of [byClaim!, bySubscription!, byUnknown!, stranger!]) client.close();
});

test("who subscribes to a sale that is sold out hears it at once, also when the look at it was older", async () => {
  const client = await Client.signedIn(under.port, tokenFor("late"));
  client.send({ type: "subscribe", couponId: soldOut });
  await client.next("subscribed");
  expect(await client.next("sale.soldout")).toEqual({ type: "sale.soldout", couponId: soldOut });
  under.room.saleChanged(open, "soldout"); // the view still says OPEN
  client.send({ type: "subscribe", couponId: open });
  await client.next("subscribed");
  await client.next("sale.soldout");
  under.room.saleChanged(open, "opened");
  client.close();
});

test("who subscribed to a sale, or claimed of it, before it starts hears when it starts", async () => {
  const [bySubscription, byClaim] = await Promise.all(
    ["early", "earlier"].map((user) => Client.signedIn(under.port, tokenFor(user))),
  );
  await bySubscription!.ask({ type: "subscribe", couponId: future }, "subscribed");
  expect((await byClaim!.ask({ type: "claim", couponId: future }, "claim.refused")).code).toBe("NOT_STARTED");
  for (const client of [bySubscription!, byClaim!]) {
    expect(await client.next("sale.opened")).toEqual({ type: "sale.opened", couponId: future });
    expect(Date.now()).toBeGreaterThanOrEqual(startsAt);
    client.close();
  }
});

for (const aheadMs of [2_000, -2_000]) {
  test(`a gateway whose clock runs ${aheadMs} ms ahead tells a start once, and the claim after it is in time`, async () => {
    const direct = new Redis(redis.url);
    const redisTime = () => timeAt(direct, "any");
    const couponId = newCouponId();
    const startsAtMs = (await redisTime()) + 500;
    const startsAt = new Date(startsAtMs).toISOString();
    const skewed = await startTestRoom(redis.url, {
      // As claim.lua decides, and as a view goes by the process' own clock.
      async claimForUser() {
        if ((await redisTime()) < startsAtMs) return { kind: "refused", code: "NOT_STARTED" };
        const requestId = newRequestId(couponId, Date.now());
        return {
          kind: "accepted",
          body: { requestId, couponId, slot: 1, status: "ACCEPTED", durable: "kafka", receipt: "r" },
        };
      },
      viewSale: async () => ({
        state: Date.now() + aheadMs < startsAtMs ? "SCHEDULED" : "OPEN",
        startsAt,
        issueMode: "DIRECT",
      }),
    });
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) => Client.signedIn(skewed.port, tokenFor(`skewed-${i}`))),
    );
    const heard = new Map(clients.map((client) => [client, 0]));
    for (const client of clients) {
      client.ws.addEventListener("message", ({ data }) => {
        if (JSON.parse(String(data)).type !== "sale.opened") return;
        heard.set(client, heard.get(client)! + 1);
        client.send({ type: "claim", couponId });
      });
      client.send({ type: "subscribe", couponId });
      client.send({ type: "claim", couponId });
    }
    for (const client of clients) {
      await client.next("claim.accepted");
      expect(client.received.filter(({ type }) => type === "claim.refused")).toHaveLength(1); // the one before the start
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([...heard.values()]).toEqual(clients.map(() => 1));
    for (const client of clients) client.close();
    await skewed.stop();
    direct.disconnect();
  });
}

test("an unknown coupon, and a database that is away, are errors of the one message", async () => {
  const client = await Client.signedIn(under.port, tokenFor("asker"));
  expect(await client.ask({ type: "subscribe", couponId: unknown, ref: "u" }, "error")).toMatchObject({
    code: "COUPON_NOT_FOUND",
    ref: "u",
  });
  expect(await client.ask({ type: "subscribe", couponId: gated, ref: "g" }, "error")).toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    retryable: true,
    ref: "g",
  });
  expect((await client.ask({ type: "ping", ref: "p" }, "pong")).ref).toBe("p");
  client.close();
});

test("a failure that is not ours is INTERNAL, tells nothing, and is reported", async () => {
  under.errors.length = 0;
  for (const user of ["broken", "broken-inside"]) {
    const client = await Client.signedIn(under.port, tokenFor(user));
    const error = await client.ask({ type: "claim", couponId: open, ref: "x" }, "error");
    expect(error).toEqual({ type: "error", code: "INTERNAL", detail: "Internal error", retryable: true, ref: "x" });
    client.close();
  }
  expect(under.errors.map(String)).toEqual(["Error: not ours", "StampedeError: words for the log"]);
});

test("a socket may have 16 messages in flight; the seventeenth is refused and the others are answered", async () => {
  let release = () => {};
  hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  const client = await Client.signedIn(under.port, tokenFor("hasty"));
  for (let ref = 1; ref <= 17; ref++) client.send({ type: "claim", couponId: open, ref: String(ref) });
  expect(await client.next("error")).toMatchObject({ code: "OVERLOADED", ref: "17" });
  release();
  hold = undefined;
  await client.until("all others", () => client.received.filter((m) => m.type === "claim.accepted").length === 16);
  await client.ask({ type: "claim", couponId: open, ref: "18" }, "claim.accepted");
  client.close();
});

test("a client that hangs up in mid-claim harms no other client", async () => {
  let release = () => {};
  hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  under.errors.length = 0;
  const client = await Client.signedIn(under.port, tokenFor("gone"));
  client.send({ type: "claim", couponId: open });
  client.close();
  await client.closed();
  release();
  hold = undefined;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(under.errors).toEqual([]);
});
