import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim, saleTerms } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("operators");
}, 180_000);
afterAll(() => system?.close());

const ADMIN: readonly [method: string, path: string][] = [
  ["POST", "/admin/coupons"],
  ["POST", "/admin/coupons/:id/open"],
  ["POST", "/admin/coupons/:id/pause"],
  ["POST", "/admin/coupons/:id/close"],
  ["POST", "/admin/coupons/:id/resize"],
  ["POST", "/admin/coupons/:id/revoke"],
  ["GET", "/admin/dead-letters"],
  ["GET", "/admin/dead-letters/1"],
  ["POST", "/admin/dead-letters/1/retry"],
  ["POST", "/admin/dead-letters/1/discard"],
  ["GET", "/admin/pipeline"],
];

test("a user who is not an operator may make no operator's call", async () => {
  const { id } = await system.createSale({ total: 5 });
  for (const [method, path] of ADMIN) {
    const url = system.url + path.replace(":id", id);
    const json = method === "POST" ? saleTerms({ total: 1 }) : undefined;
    const ask = (token?: string) => call(url, { method, json, ...(token === undefined ? {} : { token }) });
    expect(await ask()).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    for (const role of [undefined, "user", "Operator", "operator "]) {
      const token = system.token("mallory", role === undefined ? {} : { role });
      expect(await ask(token)).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
    }
  }
  const sale = (await call(`${system.url}/coupons/${id}`)).body;
  expect(sale).toMatchObject({ state: "OPEN", remaining: 5 });
  expect((await call(`${system.url}/coupons`)).body.items).toHaveLength(1);
});

test("an operator's orders are answered with the sale, and every one of them is in the audit log", async () => {
  const created = await call(`${system.url}/admin/coupons`, { token: system.operator, json: saleTerms({ total: 3 }) });
  expect(created).toMatchObject({ status: 201, body: { total: 3, remaining: 3, state: "OPEN" } });
  const { id } = created.body;
  expect(created.headers.get("location")).toBe(`/coupons/${id}`);
  for (const action of ["pause", "open", "close"]) {
    const answer = await call(`${system.url}/admin/coupons/${id}/${action}`, {
      method: "POST",
      token: system.operator,
    });
    expect(answer).toMatchObject({ status: 200, body: { id } });
  }
  const lines =
    await system.sql`SELECT actor, action FROM audit_log WHERE target = ${id} AND status IS NULL ORDER BY id`;
  expect(lines).toHaveLength(4);
  expect(new Set(lines.map(({ actor }) => actor))).toEqual(new Set(["operator-1"]));
  const nowhere = `${system.url}/admin/coupons/${"0".repeat(12)}/open`;
  expect(await call(nowhere, { method: "POST", token: system.operator })).toMatchObject({
    status: 404,
    body: { code: "COUPON_NOT_FOUND" },
  });
});

test("terms that make no sense are refused by name, and no sale comes of them", async () => {
  const good = saleTerms({ total: 1 });
  const before = (await call(`${system.url}/coupons`)).body.items.length;
  const wrong: readonly [string, object][] = [
    ["total", { ...good, total: 0 }],
    ["total", { ...good, total: 1.5 }],
    ["total", { ...good, total: "10" }],
    ["name", { ...good, name: "" }],
    ["startsAt", { ...good, startsAt: "tomorrow" }],
    ["endsAt", { ...good, endsAt: good.startsAt }],
    ["validUntil", { ...good, validUntil: good.startsAt }],
    ["discountType", { ...good, discountType: "GIFT" }],
    ["discountValue", { ...good, discountType: "PERCENT", discountValue: 101 }],
    ["discountValue", { ...good, discountValue: -1 }],
    ["sold", { ...good, sold: 3 }],
  ];
  for (const [member, json] of wrong) {
    const { status, body } = await call(`${system.url}/admin/coupons`, { token: system.operator, json });
    expect({ member, status, code: body.code }).toEqual({ member, status: 400, code: "VALIDATION_FAILED" });
    expect(body.detail).toContain(member);
  }
  expect((await call(`${system.url}/coupons`)).body.items).toHaveLength(before);
});

/** The sum of a metric's samples whose labels contain `labels`. */
function sample(text: string, name: string, labels = ""): number {
  const lines = text.split("\n").filter((line) => line.startsWith(name) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

test("a sale that is asked for twice under one Idempotency-Key is one sale; another body under it is refused", async () => {
  const terms = saleTerms({ total: 7, name: "asked twice" });
  const ask = (key: string, json: object = terms, token = system.operator) =>
    call(`${system.url}/admin/coupons`, { token, json, headers: { "idempotency-key": key } });
  const answers = await Promise.all([ask("sale 4711"), ask("sale 4711"), ask("sale 4711")]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  const reused = await ask("sale 4711", { ...terms, total: 8 });
  expect(reused).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
  expect(await ask("")).toMatchObject({ status: 400, body: { code: "IDEMPOTENCY_KEY_INVALID" } });
  const colleague = await ask("sale 4711", terms, system.token("operator-2", { role: "operator" }));
  expect(colleague.body.id).not.toBe(answers[0]!.body.id);
  const [row] = await system.sql`SELECT count(*)::int AS n FROM coupons WHERE name = 'asked twice'`;
  expect(row!.n).toBe(2);
});

test("the answer to a change, and every look after it, shows the new state, however many look meanwhile", async () => {
  const { id } = await system.createSale({ total: 5 });
  const url = `${system.url}/coupons/${id}`;
  let going = true;
  const crowd = Array.from({ length: 8 }, async () => {
    while (going) await call(url);
  });
  for (let round = 0; round < 20; round++) {
    for (const [action, state] of [
      ["pause", "PAUSED"],
      ["open", "OPEN"],
      ["close", "CLOSED"],
    ] as const) {
      const path = `${system.url}/admin/coupons/${id}/${action}`;
      expect((await call(path, { token: system.operator, method: "POST" })).body.state).toBe(state);
      expect((await call(url)).body.state).toBe(state);
    }
  }
  going = false;
  await Promise.all(crowd);
});

test("metrics count what was answered, and health says what is up", async () => {
  const metrics = async (url = system.url) => (await call(`${url}/metrics`)).body as string;
  const before = await metrics();
  const { id } = await system.createSale({ total: 2 });
  for (const user of ["a", "b", "c", "a"]) await claim(system.url, id, system.token(`counted-${user}`));
  const after = await metrics();
  const grown = (labels: string) =>
    sample(after, "stampede_claims_total", labels) - sample(before, "stampede_claims_total", labels);
  expect(grown('code="ACCEPTED"')).toBe(2);
  expect(grown('code="ALREADY_WON"')).toBe(1);
  expect(grown('code="SOLD_OUT"')).toBe(1);
  const consumers = system.consumers[0]!.url;
  await until("the consumers have counted them, too", async () => {
    return sample(await metrics(consumers), "stampede_persisted_claims_total", 'code="PERSISTED"') === 2;
  });
  expect(await call(`${system.url}/health/live`)).toMatchObject({ status: 200, body: { status: "live" } });
  expect((await call(`${system.url}/health/ready`)).body).toEqual({
    status: "ready",
    redis: "up",
    kafka: "up",
    database: "up",
  });
  const health = (await call(`${consumers}/health/ready`)).body;
  expect(health).toMatchObject({ status: "ready", dependencies: { redis: "up", kafka: "up", database: "up" } });
});

test("a record that no retry can help becomes a dead letter that operators see, and the claims behind it go on", async () => {
  const { createBunKafka } = await import("../../kafka/bun/kafka.ts");
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  await producer.send({ topic: "coupon-issue-requests", value: "this is no claim" });
  await producer.close();
  const { id } = await system.createSale({ total: 1 });
  expect(await claim(system.url, id, system.token("behind-it"))).toMatchObject({ status: 202 });
  await system.settled(id);
  const letters = await until("the dead letter is stored", async () => {
    const { body } = await call(`${system.url}/admin/dead-letters`, { token: system.operator });
    return body.items.length > 0 && body.items;
  });
  expect(letters).toHaveLength(1);
  expect(letters[0]).toMatchObject({ topic: "coupon-issue-requests", status: "PENDING" });
  expect((await system.violations()).map(({ name, count }) => ({ name, count }))).toEqual([
    { name: "dead-letters-move", count: 0 },
  ]);
});
