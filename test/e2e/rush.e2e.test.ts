import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { recorder } from "../history/recorder.ts";
import { call, claim } from "../support/client.ts";
import { freePort } from "../support/free-port.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("rush", { gateways: 3 });
  await system.addConsumers(); // two processes share the work
}, 180_000);
afterAll(() => system?.close());

test("2,000 users on three gateways get exactly 100 coupons, and the checker agrees", async () => {
  const { id } = await system.createSale({ total: 100 });
  const users = named("rusher", 2_000);
  const gatewayFor = (user: number) => system.gateways[user % 3]!.url;
  const stories = await rush({ couponId: id, users, gatewayFor, token: system.token, atOnce: 256 });
  expect(lastWords(stories)).toEqual({ 202: 100, SOLD_OUT: 1_900 });
  await promisesKept(system, id, { winners: 100 });
  const { body } = await call(`${system.url}/coupons/${id}`);
  expect(body).toMatchObject({ state: "SOLD_OUT", remaining: 0, total: 100 });
}, 180_000);

test("50 clicks of one user at once on two gateways are one claim", async () => {
  const { id } = await system.createSale({ total: 100 });
  const token = system.token("impatient");
  const clicks = Array.from({ length: 50 }, (_, i) => claim(system.gateways[i % 2]!.url, id, token));
  const answers = await Promise.all(clicks);
  const first = answers.filter(({ status }) => status === 202);
  expect(first).toHaveLength(1);
  const { requestId, slot } = first[0]!.body;
  for (const { status, body } of answers) {
    if (status === 202) expect(body).not.toHaveProperty("repeat");
    else expect({ status, body }).toMatchObject({ status: 200, body: { requestId, slot, repeat: true } });
  }
  await promisesKept(system, id, { winners: 1 });
});

test("a user may have one coupon of each of many sales at once", async () => {
  const sales = await Promise.all(Array.from({ length: 8 }, () => system.createSale({ total: 1 })));
  const token = system.token("collector");
  const answers = await Promise.all(sales.map(({ id }, i) => claim(system.gateways[i % 3]!.url, id, token)));
  expect(answers.map(({ status }) => status)).toEqual(sales.map(() => 202));
});

/** Refusals that a gateway gave from memory, by its own count. */
async function fromMemory(url: string): Promise<number> {
  const { body } = await call(`${url}/metrics`);
  return Number(/^stampede_claims_total\{code="SOLD_OUT",from="gate"\} (\d+)/m.exec(body)?.[1] ?? 0);
}

test("a winner whose answer was lost gets their win from another gateway that refuses all others from memory", async () => {
  const { id } = await system.createSale({ total: 1 });
  const [first, second] = system.gateways;
  // The claim for the last slot arrives; its sender is gone before the answer.
  const gone = connect(first!.port, "127.0.0.1");
  recorder.claim(id, { userId: "unlucky", via: "http", gateway: first!.url });
  await new Promise((sent) =>
    gone.write(
      `POST /coupons/${id}/issue HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${system.token("unlucky")}\r\ncontent-length: 0\r\n\r\n`,
      sent,
    ),
  );
  const [slot, requestId] = await until("Redis knows the winner", async () =>
    (await system.redis.hget(`{c:${id}}:winners`, "unlucky"))?.split(" "),
  );
  gone.destroy();

  const before = await fromMemory(second!.url);
  await until("the other gateway refuses from memory", async () => {
    expect(await claim(second!.url, id, system.token("late"))).toMatchObject({ status: 409 });
    return (await fromMemory(second!.url)) > before;
  });
  const again = await claim(second!.url, id, system.token("unlucky"));
  expect(again).toMatchObject({ status: 200, body: { requestId, slot: Number(slot), repeat: true } });
  // A forged token learns nothing from being let through to the check. (Not by `claim`: it is not that user's claim.)
  const forged = system.token("unlucky", { secret: "not the secret of this gateway" });
  const headers = { authorization: `Bearer ${forged}` };
  const answer = await fetch(`${second!.url}/coupons/${id}/issue`, { method: "POST", headers });
  expect([answer.status, await answer.json()]).toMatchObject([409, { code: "SOLD_OUT" }]);
  await promisesKept(system, id, { winners: 1 });
});

test("two gateways on one port share its connections", async () => {
  const port = freePort();
  const share = () => system.addGateway({ REUSE_PORT: "1" }, port);
  const workers = await Promise.all([share(), share()]);
  const url = `http://127.0.0.1:${port}`;
  const { id } = await system.createSale({ total: 40 });
  const users = named("sharer", 200);
  const stories = await rush({ couponId: id, users, gatewayFor: () => url, token: system.token });
  expect(lastWords(stories)).toEqual({ 202: 40, SOLD_OUT: 160 });
  await promisesKept(system, id, { winners: 40 });
  expect(new Set(workers.map(({ pid }) => pid)).size).toBe(2);
});
