import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
beforeAll(async () => {
  system = await startSystem("reads", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

/** How often Redis ran a command, for all clients. */
async function timesRun(command: string): Promise<number> {
  const text = await system.redis.info("commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1] ?? 0);
}

test("a sale is cacheable for a second, says when it was read, and is not sent twice", async () => {
  const { id } = await system.createSale({ total: 10 });
  const path = `${system.url}/coupons/${id}`;
  await until("a client that has it gets 304", async () => {
    const first = await call(path);
    expect(first.status).toBe(200);
    expect(first.headers.get("cache-control")).toBe("public, max-age=1");
    expect(Math.abs(Date.parse(first.body.now) - Date.now())).toBeLessThan(60_000);
    const etag = first.headers.get("etag")!;
    expect(etag).toMatch(/^"[\w-]+"$/);
    const again = await call(path, { headers: { "if-none-match": `"x", ${etag}` } });
    if (again.status === 200) return false; // half a second has passed
    expect(again.status).toBe(304);
    expect(again.body).toBe("");
    expect(again.headers.get("etag")).toBe(etag);
    return true;
  });
  const list = await call(`${system.url}/coupons?limit=1`);
  expect(list.headers.get("cache-control")).toBe("public, max-age=1");
  expect(list.body).toMatchObject({ now: expect.any(String), items: [{ id }] });
  const unknown = await call(`${system.url}/coupons/${"0".repeat(12)}`);
  expect([unknown.status, unknown.headers.get("cache-control")]).toEqual([404, "no-store"]);
});

test("a flood of reads costs Redis what its time costs, and not what its requests cost", async () => {
  const sales = await Promise.all(Array.from({ length: 20 }, () => system.createSale({ total: 10 })));
  const before = await timesRun("hmget");
  const beganAt = performance.now();
  let asked = 0;
  for (let round = 0; round < 20; round++) {
    const paths = sales.flatMap(({ id }) => [`/coupons/${id}`, `/coupons/${id}`]);
    for (let i = 0; i < 20; i++) paths.push(`/coupons?limit=${200 - i}`);
    const answers = await Promise.all(paths.map((path) => call(system.url + path)));
    asked += answers.length;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  }
  const halves = Math.ceil((performance.now() - beganAt) / 500) + 1;
  // The loader looks at each sale once a second, too; all sales of this file are in the lists.
  const allowed = halves * 30 * 2;
  const needed = asked + 20 * 20 * sales.length;
  expect(needed).toBeGreaterThan(2 * allowed); // otherwise this machine is too slow to show anything
  expect((await timesRun("hmget")) - before).toBeLessThan(allowed);
});

test("reads go over a separate connection", async () => {
  const { id } = await system.createSale({ total: 10 });
  await call(`${system.url}/coupons/${id}`);
  const names = String(await system.redis.client("LIST")).match(/ name=\S*/g) ?? [];
  expect(names.filter((name) => name.endsWith("-display")).length).toBe(2);
});

test("claims are seen by visitors of both gateways within a moment, a pause at once where it was asked for", async () => {
  const { id } = await system.createSale({ total: 2 });
  for (const user of ["ann", "bea"]) {
    expect((await claim(system.gateways[0]!.url, id, system.token(user))).status).toBe(202);
  }
  for (const { url } of system.gateways) {
    const at = performance.now();
    await until(
      `${url} shows that it is sold out`,
      async () => (await call(`${url}/coupons/${id}`)).body.remaining === 0,
    );
    expect(performance.now() - at).toBeLessThan(10_000);
  }
  const [here, there] = system.gateways.map(({ url }) => url);
  const paused = await call(`${here}/admin/coupons/${id}/pause`, { method: "POST", token: system.operator });
  expect(paused.body.state).toBe("PAUSED");
  expect((await call(`${here}/coupons/${id}`)).body.state).toBe("PAUSED");
  await until("the other one shows it", async () => (await call(`${there}/coupons/${id}`)).body.state === "PAUSED");
});
