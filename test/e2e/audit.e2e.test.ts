import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { cliActor } from "../../cli/token/operator-name.ts";
import type { AuditLine } from "../../contracts/wire/audit.ts";
import { type ApiAnswer, call, saleTerms } from "../support/client.ts";
import { declaredEndpoints } from "../support/endpoints.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("audit");
}, 180_000);
afterAll(() => system?.close());

const adminEndpoints = declaredEndpoints.filter(({ path }) => path.startsWith("/admin/"));
const ABSENT = "0".repeat(12);

async function lines(query: Record<string, string>): Promise<AuditLine[]> {
  const answer = await call(`${system.url}/admin/audit?${new URLSearchParams(query)}`, { token: system.operator });
  expect(answer.status).toBe(200);
  return answer.body.items;
}

/** The one line of this request that says how it ended. */
const outcomeOf = (requestId: string): Promise<AuditLine> =>
  until(`a line of request ${requestId}`, async () => {
    const calls = (await lines({ requestId })).filter(({ status }) => status !== null);
    expect(calls.length).toBeLessThan(2);
    return calls[0];
  });

/** Calls every operators' endpoint with a target that does not exist, and without a body. */
async function everyEndpoint(token: string): Promise<{ readonly operationId: string; readonly answer: ApiAnswer }[]> {
  const answers = [];
  for (const { method, path, operationId } of adminEndpoints) {
    const url = system.url + path.replace(/:\w+/g, ABSENT);
    answers.push({ operationId, answer: await call(url, { method, token }) });
  }
  return answers;
}

test("a viewer's call of every operators' endpoint leaves exactly one line, which says how it ended", async () => {
  const answers = await everyEndpoint(system.token("vera", { role: "operator", operatorRole: "viewer" }));
  expect(answers.length).toBeGreaterThan(20);
  const written = await until("all lines", async () => {
    const found = await lines({ actor: "vera", limit: "200" });
    return found.length >= answers.length && found;
  });
  expect(written.map(({ action, status, code }) => ({ action, status, code })).reverse()).toEqual(
    answers.map(({ operationId, answer: { status, body } }) => ({
      action: operationId,
      status,
      code: status < 400 ? null : body.code,
    })),
  );
  for (const { answer } of answers.filter(({ answer: { status } }) => status >= 400)) {
    expect(written.filter(({ requestId }) => requestId === answer.body.requestId)).toHaveLength(1);
  }
  expect(answers.some(({ answer }) => answer.status === 200)).toBe(true);
  expect(answers.filter(({ answer }) => answer.status === 403).length).toBeGreaterThan(10);
});

test("a change and its call have the same request id; the change says what was before and after", async () => {
  const token = system.token("sam", { role: "operator", operatorRole: "seller" });
  const created = await call(`${system.url}/admin/coupons`, { token, json: saleTerms({ total: 3 }) });
  const { id } = created.body;
  await call(`${system.url}/admin/coupons/${id}`, { method: "PATCH", token, json: { name: "Second name" } });
  await call(`${system.url}/admin/coupons/${id}/pause`, { method: "POST", token });
  const found = await until("three calls and three changes", async () => {
    const all = await lines({ actor: "sam" });
    return all.length >= 6 && all;
  });
  const requests = Map.groupBy(found, ({ requestId }) => requestId);
  const told = [...requests.values()].map((of) =>
    of
      .toSorted((a, b) => Number(a.status) - Number(b.status))
      .map(({ action, target, status, detail }) => ({ action, target, status, detail })),
  );
  expect(requests.size).toBe(3);
  expect(told).toContainEqual([
    {
      action: "sale.edited",
      target: id,
      status: null,
      detail: { before: { name: "test" }, after: { name: "Second name" } },
    },
    { action: "editSale", target: id, status: 200, detail: { path: `/admin/coupons/${id}` } },
  ]);
  expect(told).toContainEqual([
    { action: "sale.state", target: id, status: null, detail: { from: "OPEN", to: "PAUSED" } },
    { action: "pauseSale", target: id, status: 200, detail: { path: `/admin/coupons/${id}/pause` } },
  ]);
});

test("a refusal's request id finds its line: without a token, with a wrong one, with a customer's", async () => {
  const url = `${system.url}/admin/pipeline`;
  const wrong = `${system.operator.slice(0, -6)}AAAAAA`;
  const nobody = await call(url);
  const forged = await call(url, { token: wrong });
  const carl = await call(url, { token: system.token("carl") });
  expect([nobody, forged, carl].map(({ body }) => body.code)).toEqual([
    "UNAUTHENTICATED",
    "TOKEN_INVALID",
    "FORBIDDEN",
  ]);
  const common = { action: "getPipeline", target: "/admin/pipeline", address: "127.0.0.1" };
  expect(await outcomeOf(nobody.body.requestId)).toMatchObject({ ...common, actor: "not identified", status: 401 });
  expect(await outcomeOf(forged.body.requestId)).toMatchObject({
    ...common,
    actor: "not identified",
    code: "TOKEN_INVALID",
  });
  expect(await outcomeOf(carl.body.requestId)).toMatchObject({
    ...common,
    actor: "carl",
    status: 403,
    code: "FORBIDDEN",
  });
});

test("a flood of strangers fills no table", async () => {
  const [before] = await system.sql`SELECT count(*)::int AS n FROM audit_log`;
  for (let i = 0; i < 10; i++) {
    await Promise.all(Array.from({ length: 100 }, () => call(`${system.url}/admin/saga`)));
  }
  const metrics = await (await fetch(`${system.url}/metrics`)).text();
  const leftOut = Number(/^stampede_audit_calls_total\{fate="left-out"\} (\d+)$/m.exec(metrics)?.[1]);
  expect(leftOut).toBeGreaterThan(900);
  await until("lines that say how many have none", async () => {
    await call(`${system.url}/admin/saga`);
    const found = await lines({ action: "getSagaMode", actor: "not identified" });
    return found.reduce((sum, { detail }) => sum + Number(detail.leftOut ?? 0), 0) > 900;
  });
  const [after] = await system.sql`SELECT count(*)::int AS n FROM audit_log`;
  expect(after!.n - before!.n).toBeLessThan(100);
});

test("the command line acts under its login's name, and ./dev audit shows what it did", async () => {
  const { adminApi } = await import("../../cli/sale/admin-api.ts");
  const api = adminApi({ ...system.stack.env, ...ports() });
  const sale = await api.create({ ...saleTerms({ total: 2 }), discountType: "FIXED" });
  await api.resize(sale.id, 4);
  await until(
    "the command's lines",
    async () => (await api.audit({ target: sale.id, actor: cliActor() }, 10)).length >= 3,
  );
  const found = await api.audit({ target: sale.id, actor: cliActor() }, 10);
  expect(found.map(({ action, status }) => [action, status])).toContainEqual(["resizeSale", 200]);
  expect(found.find(({ action }) => action === "sale.resized")?.detail).toEqual({ from: 2, to: 4 });
});

const ports = () => {
  const { port } = new URL(system.url);
  return { GATEWAY_PORT: port, ADMIN_PORT: port };
};

test("only admins read the audit log, in pages, by who, what, about what, and when", async () => {
  const seller = system.token("sam", { role: "operator", operatorRole: "seller" });
  expect(await call(`${system.url}/admin/audit`, { token: seller })).toMatchObject({ status: 403 });
  const all = await lines({ actor: "vera", limit: "200" });
  const seen: AuditLine[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ actor: "vera", limit: "7", ...(cursor === null ? {} : { cursor }) });
    const { body } = await call(`${system.url}/admin/audit?${query}`, { token: system.operator });
    expect(body.items.length).toBeLessThanOrEqual(7);
    seen.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(all);
  const middle = all[5]!.at;
  expect((await lines({ actor: "vera", limit: "200", from: middle })).length).toBeGreaterThanOrEqual(6);
  const earlier = await lines({ actor: "vera", limit: "200", to: middle });
  expect(earlier.every(({ at }) => at < middle)).toBe(true);
  expect((await lines({ action: "listDeadLetters", actor: "vera" })).map(({ action }) => action)).toEqual([
    "listDeadLetters",
  ]);
  for (const query of ["cursor=x", "from=yesterday", "actor=", "actor=%00", "who=me", "limit=201"]) {
    const answer = await call(`${system.url}/admin/audit?${query}`, { token: system.operator });
    expect(answer).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED" } });
  }
});

test("failed tokens, bad signatures and refused roles are counted", async () => {
  const before = await securityEvents();
  const ask = (path: string, options?: Parameters<typeof call>[1]) => call(system.url + path, options);
  const { id } = await system.createSale({ total: 5 });
  await ask("/me/coupons", { token: "a.b.c" });
  await ask("/me/coupons", { token: system.token("late", { expiresInS: -60 }) });
  await ask(`/coupons/${id}/issue`, { method: "POST", token: "a.b.c" });
  await ask("/webhooks/payments", {
    method: "POST",
    json: {},
    headers: { "stampede-signature": `t=1,v1=${createHmac("sha256", "wrong").digest("hex")}` },
  });
  await ask("/admin/saga", { token: system.token("carl") });
  const after = await securityEvents();
  const grown = (event: string) => after[event]! - before[event]!;
  expect({ invalid: grown("token-invalid"), expired: grown("token-expired"), forbidden: grown("forbidden") }).toEqual({
    invalid: 2,
    expired: 1,
    forbidden: 1,
  });
  expect(grown("webhook-signature") + grown("webhook-expired")).toBe(1);
});

async function securityEvents(): Promise<Record<string, number>> {
  const text = await (await fetch(`${system.url}/metrics`)).text();
  const found = text.matchAll(/^stampede_security_events_total\{event="([a-z-]+)"\} (\d+)$/gm);
  return Object.fromEntries(Array.from(found, ([, event, n]) => [event, Number(n)]));
}
