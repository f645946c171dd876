import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { OP, RawWebSocket } from "../contracts/transport/raw-websocket.ts";
import { letter } from "../lua/inbox-message.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { Client } from "./client.ts";
import { startTestRoom, type TestRoom, tokenFor } from "./room-under-test.ts";

let redis: RedisServer;
let first: TestRoom;
let second: TestRoom;
let slowReads = 0;
let databaseIsAway = false;

const own = { couponId: "c".repeat(12) as CouponId, requestId: "r" as RequestId, slot: 5, status: "ACTIVE" };
const orderId = orderIdOf("forgotten" as UserId, "key", "{}");
const order = { orderId, orderNumber: orderNumberOf(orderId), status: "CANCELLED" } as const;
const issued = (slot: number) => ({ type: "coupon.issued", slot });

beforeAll(async () => {
  redis = await startRedis();
  first = await startTestRoom(redis.url, {
    listCoupons: async (userId) => {
      if (userId === "no-database" && databaseIsAway) throw new StampedeError("DATABASE_UNAVAILABLE");
      return { items: [own], nextCursor: "more" };
    },
    listOrders: async () => ({ items: [{ ...order, failureReason: "SHIPPING_NOT_SERVED" }], nextCursor: null }),
  });
  const { inbox } = first;
  second = await startTestRoom(redis.url, {
    inbox: {
      positionAt: inbox.positionAt,
      async read(...args) {
        const page = await inbox.read(...args);
        if (slowReads > 0) await new Promise((resolve) => setTimeout(resolve, slowReads));
        return page;
      },
    },
  });
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await redis.remove();
});

test("a message reaches all sockets of its user, on any gateway, and no other user", async () => {
  const token = tokenFor("anna");
  const clients = await Promise.all([first, first, second].map(({ port }) => Client.signedIn(port, token)));
  const stranger = await Client.signedIn(first.port, tokenFor("otto"));
  for (const client of [...clients, stranger]) await client.ask({ type: "ping" }, "pong");
  const [cursor] = await first.tell("anna", issued(1));
  for (const client of clients) expect(await client.next("coupon.issued")).toEqual({ ...issued(1), cursor: cursor! });
  expect(stranger.slots()).toEqual([]);
  for (const client of [...clients, stranger]) client.close();
});

test("pushes to a socket that only listens arrive as well", async () => {
  const client = await Client.signedIn(first.port, tokenFor("listener"));
  await first.tell("listener", issued(1), issued(2));
  await client.until("both", () => client.slots().length === 2);
  await first.tell("listener", issued(3));
  await client.until("the third", () => client.slots().length === 3);
  expect(client.slots()).toEqual([1, 2, 3]);
  client.close();
});

test("a client that was away gets exactly the messages that it missed, in order", async () => {
  const token = tokenFor("traveller");
  const before = await Client.signedIn(first.port, token);
  await before.ask({ type: "ping" }, "pong");
  await first.tell("traveller", issued(1));
  const { cursor } = await before.next("coupon.issued");
  before.close();
  await until("the route is gone", () => first.room.size() === 0);
  for (let slot = 2; slot <= 150; slot++) await first.tell("traveller", issued(slot));

  const after = await Client.signedIn(second.port, token);
  expect(await after.ask({ type: "resume", cursor }, "resumed")).toMatchObject({ messages: 149 });
  expect(after.slots()).toEqual(Array.from({ length: 149 }, (_, i) => i + 2));
  const last = after.received.at(-1)!.cursor;
  expect(await after.ask({ type: "resume", cursor: last }, "resumed")).toMatchObject({ messages: 0, cursor: last });
  after.close();
});

test("without a cursor everything that the inbox holds is sent", async () => {
  await first.tell("newcomer", issued(1), issued(2));
  const client = await Client.signedIn(first.port, tokenFor("newcomer"));
  expect(await client.ask({ type: "resume" }, "resumed")).toMatchObject({ messages: 2 });
  expect(client.slots()).toEqual([1, 2]);
  const empty = await Client.signedIn(first.port, tokenFor("nothing-yet"));
  expect(await empty.ask({ type: "resume" }, "resumed")).toMatchObject({ messages: 0 });
  await first.tell("nothing-yet", issued(1));
  expect((await empty.next("coupon.issued")).slot).toBe(1);
  client.close();
  empty.close();
});

test("pushes that arrive while a resume runs come after it, each once", async () => {
  slowReads = 60;
  try {
    for (let slot = 1; slot <= 250; slot++) await second.tell("busy", issued(slot)); // more than the inbox keeps for sure
    const client = await Client.open(second.port, { authorization: `Bearer ${tokenFor("busy")}` });
    client.send({ type: "resume" }); // without waiting for the welcome, as a good client does
    await client.next("welcome");
    const live = (async () => {
      for (let slot = 251; slot <= 300; slot++) await second.tell("busy", issued(slot));
    })();
    await client.next("resumed");
    await live;
    await client.until("all have come", () => client.slots().at(-1) === 300);
    const slots = client.slots() as number[];
    expect(slots).toEqual(Array.from({ length: slots.length }, (_, i) => 301 - slots.length + i));
    expect(slots.length).toBeGreaterThanOrEqual(200);
    client.close();
  } finally {
    slowReads = 0;
  }
});

test("what is pushed between the welcome and the resume waits for the resume", async () => {
  // It waits for a second: a machine that stands still for as long says nothing, and another process is asked.
  for (let round = 1; ; round++) {
    const user = `between-${round}`;
    const cursors = await first.tell(user, issued(1), issued(2));
    const welcomedAfter = performance.now();
    const client = await Client.signedIn(first.port, tokenFor(user));
    await first.tell(user, issued(3));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const early = client.slots();
    const resumed = client.ask({ type: "resume", cursor: cursors[0] }, "resumed");
    const isInTime = performance.now() - welcomedAfter < 800;
    await resumed;
    await first.tell(user, issued(4));
    await client.until("all have come", () => client.slots().at(-1) === 4);
    client.close();
    if (isInTime) {
      expect({ early, slots: client.slots() }).toEqual({ early: [], slots: [2, 3, 4] });
      return;
    }
    expect(round).toBeLessThan(10);
  }
});

test("a client whose resume comes after its grace gets nothing twice", async () => {
  const cursors = await first.tell("late-resume", issued(1), issued(2));
  await new Promise((resolve) => setTimeout(resolve, 5)); // the welcome lies behind both
  const client = await Client.signedIn(first.port, tokenFor("late-resume"));
  await first.tell("late-resume", issued(3));
  await client.until("the grace is over", () => client.slots().length === 1);
  expect(await client.ask({ type: "resume", cursor: cursors[0] }, "resumed")).toMatchObject({ messages: 1 });
  await first.tell("late-resume", issued(4));
  await client.until("the last one", () => client.slots().at(-1) === 4);
  expect(client.slots()).toEqual([3, 2, 4]);
  // Asked again, it is told again.
  expect(await client.ask({ type: "resume", cursor: cursors[0] }, "resumed")).toMatchObject({ messages: 3 });
  client.close();
});

test("two pushes that overtake each other are both sent, in the order of the inbox, each with its own cursor", async () => {
  const client = await Client.signedIn(first.port, tokenFor("overtaken"));
  await client.ask({ type: "ping" }, "pong");
  const texts = [1, 2, 3].map((slot) => JSON.stringify(issued(slot)));
  const { written } = await first.inbox.append("overtaken" as never, texts.map(letter));
  const message = (i: number) => ({ ...written[i]!, json: texts[i]! });
  first.room.deliver("overtaken" as never, [message(1)]);
  first.room.deliver("overtaken" as never, [message(0)]);
  first.room.deliver("overtaken" as never, [message(0), message(1)]);
  first.room.deliver("overtaken" as never, [message(2)]);
  await client.until("all", () => client.slots().length === 3);
  await client.ask({ type: "ping" }, "pong");
  expect(client.received.map((m) => [m.slot, m.cursor])).toEqual(
    [1, 2, 3].map((slot, i) => [slot, written[i]!.cursor]),
  );
  client.close();
});

test("a push whose predecessor was lost is sent behind it, never before", async () => {
  const client = await Client.signedIn(first.port, tokenFor("gap"));
  await client.ask({ type: "ping" }, "pong");
  await first.tell("gap", issued(1));
  await first.inbox.append("gap" as never, [letter(JSON.stringify(issued(2)))]); // its push was lost
  await first.tell("gap", issued(3));
  await client.until("all", () => client.slots().length === 3);
  expect(client.slots()).toEqual([1, 2, 3]);
  client.close();
});

test("pushes of the release before, which do not say what they follow, arrive once and in order", async () => {
  const client = await Client.signedIn(first.port, tokenFor("older"));
  await client.ask({ type: "ping" }, "pong");
  for (let slot = 1; slot <= 20; slot++) {
    const json = JSON.stringify(issued(slot));
    const { written } = await first.inbox.append("older" as never, [letter(json)]);
    first.room.deliver("older" as never, [{ cursor: written[0]!.cursor, json }]);
  }
  await client.until("all", () => client.slots().length === 20);
  await client.ask({ type: "ping" }, "pong");
  expect(client.slots()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  client.close();
});

test("a cursor of the future does not silence a socket", async () => {
  const [cursor] = await first.tell("dreamer", issued(1));
  const [id, tag] = cursor!.split(".");
  const client = await Client.signedIn(first.port, tokenFor("dreamer"));
  const future = `${Number.parseInt(id!, 10) + 3_600_000}-0.${tag}`;
  await client.ask({ type: "resume", cursor: future }, "resync");
  await first.tell("dreamer", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  client.close();
});

test("a cursor that the inbox does not reach back to is answered with the state from PostgreSQL", async () => {
  await first.tell("forgotten", issued(1));
  const client = await Client.signedIn(first.port, tokenFor("forgotten"));
  for (const cursor of ["1-0.00000000", "not a cursor", ""]) {
    const resync = await client.ask({ type: "resume", cursor }, "resync");
    expect(resync).toMatchObject({ coupons: [own], nextCursor: "more" });
    expect(resync.orders).toEqual([{ ...order, reason: "SHIPPING_NOT_SERVED" }]);
    expect(await client.ask({ type: "resume", cursor: resync.cursor }, "resumed")).toMatchObject({ messages: 0 });
  }
  await first.tell("forgotten", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  client.close();
});

test("each of several resumes that come at once is answered, whatever its cursor says", async () => {
  await first.tell("hasty", issued(1));
  const client = await Client.signedIn(first.port, tokenFor("hasty"));
  for (const cursor of ["x", "y", "z"]) client.send({ type: "resume", cursor });
  for (let i = 0; i < 3; i++) await client.next("resync");
  await first.tell("hasty", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  expect(client.received).toEqual([]);
  client.close();
});

test("a resync without PostgreSQL says so, and comes by itself when PostgreSQL is back; what is new waits for it", async () => {
  const client = await Client.signedIn(first.port, tokenFor("no-database"));
  databaseIsAway = true;
  try {
    const error = await client.ask({ type: "resume", cursor: "1-0.00000000" }, "error");
    expect(error).toMatchObject({ code: "DATABASE_UNAVAILABLE", retryable: true });
    // Sent now, its cursor would make the client forget that it has lost something.
    await first.tell("no-database", issued(1));
    await client.ask({ type: "ping" }, "pong");
    expect(client.slots()).toEqual([]);
  } finally {
    databaseIsAway = false;
  }
  const resync = await client.next("resync");
  expect(resync.coupons).toEqual([own]);
  await first.tell("no-database", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  client.close();
});

test("routes stand while the socket is open and are gone with it", async () => {
  const direct = new Redis(redis.url);
  const client = await Client.signedIn(first.port, tokenFor("routed"));
  const other = await Client.signedIn(second.port, tokenFor("routed"));
  const routes = () => direct.hgetall("{u:routed}:route");
  expect(Object.values(await routes()).sort()).toEqual([first.gatewayId, second.gatewayId].sort());
  client.close();
  await until("one is left", () => first.room.size() === 0);
  await until("its route is gone", async () => Object.keys(await routes()).length === 1);
  expect(Object.values(await routes())).toEqual([second.gatewayId]);
  other.close();
  await until("both are gone", async () => Object.keys(await routes()).length === 0);
  direct.disconnect();
});

test("a reader that stops is closed with 4008, and resuming brings all that it missed", async () => {
  const small = await startTestRoom(redis.url, {}, {}, { maxBufferedBytes: 32_768 });
  const headers = { authorization: `Bearer ${tokenFor("slow")}` };
  const slow = await RawWebSocket.open(small.port, "/ws", headers);
  await until("the welcome", () => slow.texts().length === 1);
  slow.send(OP.text, '{"type":"ping"}'); // it won't resume: its pushes need not wait
  await until("the pong", () => slow.texts().length === 2);
  slow.stopReading();
  const pad = "x".repeat(150_000); // the kernel alone takes some ten megabytes for a reader that stopped
  let told = 0;
  while (small.room.size() === 1 && told < 190) await small.tell("slow", { ...issued(++told), pad });
  await until("the gateway let it go", () => small.room.size() === 0);
  expect(told).toBeLessThan(190);
  slow.readAgain();
  await slow.http.closed();

  type Heard = { readonly type: string; readonly slot?: number; readonly cursor: string };
  const heard = slow.texts().map((text) => JSON.parse(text) as Heard);
  // So much at once is more than this small buffer takes: each connection gets further, the last one to the end.
  for (let tries = 0; heard.at(-1)!.slot !== told; tries++) {
    expect(tries).toBeLessThan(20);
    const again = await Client.signedIn(small.port, tokenFor("slow"));
    again.send({ type: "resume", cursor: heard.at(-1)!.cursor });
    await again.until("an end", () => again.closeCode !== undefined || again.received.at(-1)?.type === "resumed");
    heard.push(...(again.received.filter((m) => m.type === "coupon.issued") as never[]));
    if (again.closeCode !== undefined) expect(again.closeCode).toBe(CLOSE.SLOW_READER);
    again.close();
  }
  expect(heard.filter((m) => m.slot !== undefined).map((m) => m.slot)).toEqual(
    Array.from({ length: told }, (_, i) => i + 1),
  );
  await small.stop();
}, 180_000);
