import { afterAll, beforeAll, expect, test } from "bun:test";
import { MAX_TOTAL } from "../../contracts/claims/http.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("resize", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const resize = (couponId: string, total: unknown, token = system.operator): Promise<ApiAnswer> =>
  call(`${system.url}/admin/coupons/${couponId}/resize`, { token, json: { total } });
const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;

test("ten more coupons for a sold-out sale, while people ask: exactly ten more win, whichever gateway they ask", async () => {
  const { id } = await system.createSale({ total: 100 });
  const ask = (users: string[]) => rush({ couponId: id, users, gatewayFor, token: system.token });
  const first = await ask(named("first", 150));
  expect(lastWords(first)).toEqual({ 202: 100, SOLD_OUT: 50 });
  const watchers = await Promise.all(
    system.gateways.map(({ url }, i) => TestSocket.welcomed(url, system.token(`watcher-${i}`))),
  );
  for (const watcher of watchers) watcher.send({ type: "subscribe", couponId: id });
  for (const watcher of watchers) await watcher.hears("sale.soldout");

  const asking = ask(named("second", 600));
  const grown = await resize(id, 110);
  expect(grown).toMatchObject({ status: 200, body: { id, total: 110 } });
  const second = await asking;
  for (const watcher of watchers) await watcher.hears("sale.opened");
  // Users who were refused before the sale grew ask once more.
  const third = await ask(named("third", 100));
  const won = [second, third].flat().filter(({ answers }) => answers.at(-1)!.status < 300);
  expect(won).toHaveLength(10);
  expect(won.map(({ answers }) => answers.at(-1)!.body.slot).sort((a, b) => a - b)).toEqual([
    101, 102, 103, 104, 105, 106, 107, 108, 109, 110,
  ]);
  for (const watcher of watchers) {
    await watcher.hears("sale.soldout", 2);
    watcher.close();
  }
  await promisesKept(system, id, { winners: 110 });
  const lines = await system.sql`SELECT actor, detail FROM audit_log WHERE target = ${id} AND action = 'sale.resized'`;
  expect(lines.map((row) => ({ ...row }))).toEqual([{ actor: "operator-1", detail: { from: 100, to: 110 } }]);
}, 180_000);

test("a smaller sale sells out earlier; below the highest slot in use it is refused, with the smallest total that is possible", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  await rush({ couponId: id, users: named("early", 30), gatewayFor, token: system.token });
  const refused = await resize(id, 29);
  expect(refused).toMatchObject({ status: 409, body: { code: "CONFLICT", smallestTotal: 30 } });
  expect(refused.body.detail).toContain("30");
  expect(await resize(id, 50)).toMatchObject({ status: 200, body: { total: 50, remaining: 20 } });
  expect(await resize(id, 50)).toMatchObject({ status: 200, body: { total: 50 } });
  const second = await rush({ couponId: id, users: named("late", 60), gatewayFor, token: system.token });
  expect(lastWords(second)).toEqual({ 202: 20, SOLD_OUT: 40 });
  await promisesKept(system, id, { winners: 50 });
}, 180_000);

test("slots that were freed at the end vanish with a smaller total, and come back with a larger one", async () => {
  const { id } = await system.createSale({ total: 10 });
  const first = await rush({ couponId: id, users: named("ten", 10), gatewayFor, token: system.token });
  await system.settled(id);
  for (const { answers } of first.filter(({ answers }) => answers.at(-1)!.body.slot > 7)) {
    const json = { requestId: answers.at(-1)!.body.requestId, why: "makes room" };
    const revoked = await call(`${system.url}/admin/coupons/${id}/revoke`, { token: system.operator, json });
    expect(revoked.body).toMatchObject({ released: true });
  }
  expect(await resize(id, 6)).toMatchObject({ status: 409, body: { smallestTotal: 7 } });
  expect(await resize(id, 8)).toMatchObject({ status: 200, body: { total: 8, remaining: 1 } });
  expect(await claim(system.url, id, system.token("eighth"))).toMatchObject({ status: 202, body: { slot: 8 } });
  expect(await claim(system.url, id, system.token("ninth"))).toMatchObject({ body: { code: "SOLD_OUT" } });
  expect(await resize(id, 9)).toMatchObject({ status: 200, body: { total: 9, remaining: 1 } });
  expect(await claim(gatewayFor(1, 0), id, system.token("ninth"))).toMatchObject({ status: 202, body: { slot: 9 } });
  await system.settled(id);
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("a total that makes no sense is refused, and so is every caller who is no operator", async () => {
  const { id } = await system.createSale({ total: 3 });
  for (const total of [0, -1, 1.5, "5", MAX_TOTAL + 1, null]) {
    expect(await resize(id, total)).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED" } });
  }
  expect(await resize(id, 5, system.token("mallory"))).toMatchObject({ status: 403 });
  expect(await resize("0".repeat(12), 5)).toMatchObject({ status: 404, body: { code: "COUPON_NOT_FOUND" } });
  expect(await call(`${system.url}/coupons/${id}`)).toMatchObject({ body: { total: 3, remaining: 3 } });
  expect(await resize(id, MAX_TOTAL)).toMatchObject({ status: 200, body: { total: MAX_TOTAL } });
});
