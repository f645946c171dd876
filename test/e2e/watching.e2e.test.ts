import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { call, claim } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
beforeAll(async () => {
  system = await startSystem("watching", { gateways: 2, gatewayEnv: { AUTH_TIMEOUT_S: "1" } });
}, 180_000);
afterAll(() => system?.close());

const urlOf = (gateway: number) => system.gateways[gateway]!.url;

/** A socket without a token that follows a sale. */
async function watcher(couponId: string, gateway = 0): Promise<TestSocket> {
  const socket = await TestSocket.open(urlOf(gateway));
  socket.send({ type: "subscribe", couponId, ref: "watch" });
  expect(await socket.hears("subscribed")).toEqual({ type: "subscribed", couponId: couponId as never, ref: "watch" });
  await socket.hears("sale.changed");
  return socket;
}

test("a page without a token sees a sale go, from claims at every gateway, and its end", async () => {
  const sale = await system.createSale({ total: 30 });
  const sockets = await Promise.all([watcher(sale.id, 0), watcher(sale.id, 1)]);
  for (const socket of sockets) {
    expect(socket.all("sale.changed")[0]).toMatchObject({ state: "OPEN", remaining: 30, endsAt: sale.endsAt });
  }
  for (let i = 0; i < 30; i++) {
    expect((await claim(urlOf(0), sale.id, system.token(`user-${i}`))).status).toBe(202);
    await Bun.sleep(20);
  }
  for (const socket of sockets) {
    await until("it sees that nothing is left", () => {
      const last = socket.all("sale.changed").at(-1)!;
      return last.remaining === 0 && last.state === "SOLD_OUT";
    });
    const counts = socket.all("sale.changed").map(({ remaining }) => remaining!);
    expect(counts).toEqual([...counts].sort((a, b) => b - a)); // never an older state after a newer one
    expect(counts.length).toBeLessThan(30); // it is not told each claim
    await socket.hears("sale.soldout");
  }
  const endsAt = new Date(Date.now() + 7_200_000).toISOString();
  const json = { endsAt };
  expect(
    (await call(`${urlOf(0)}/admin/coupons/${sale.id}`, { method: "PATCH", token: system.operator, json })).status,
  ).toBe(200);
  for (const socket of sockets) {
    await until("it sees the new end", () => socket.all("sale.changed").at(-1)!.endsAt === endsAt);
    // It has been there for longer than a socket without a token may be, and got nothing that is for one user alone.
    expect(socket.closeCode).toBeNull();
    expect(new Set(socket.heard.map(({ type }) => type))).toEqual(
      new Set(["subscribed", "sale.changed", "sale.soldout"] as const),
    );
    socket.close();
  }
});

test("who watches may do nothing else without a token, and is a user from `auth` on", async () => {
  const { id } = await system.createSale({ total: 5 });
  const socket = await watcher(id);
  socket.send({ type: "claim", couponId: id });
  expect(await socket.hears("error")).toMatchObject({ code: "UNAUTHENTICATED" });
  socket.send({ type: "auth", token: system.token("late") });
  const { now } = await socket.hears("welcome");
  expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
  socket.send({ type: "claim", couponId: id });
  expect(await socket.hears("claim.accepted")).toMatchObject({ couponId: id });
  await socket.hears("coupon.issued");
  socket.close();
});

test("a socket that follows no sale is still sent away in time, and one of an unknown sale, too", async () => {
  const [silent, lost] = [await TestSocket.open(urlOf(0)), await TestSocket.open(urlOf(0))];
  lost.send({ type: "subscribe", couponId: "000000000000" });
  expect(await lost.hears("error")).toMatchObject({ code: "COUPON_NOT_FOUND" });
  expect([await silent.closed(), await lost.closed()]).toEqual([CLOSE.AUTH_TIMEOUT, CLOSE.AUTH_TIMEOUT]);
});
