import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ApiAnswer, call, claim, saleTerms } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let couponId: string;
/** One gateway of each kind: what one refuses, the other refuses alike. */
let urls: string[];

beforeAll(async () => {
  // One user asks hundreds of questions at once: what each is answered is tested, not their number.
  const unlimited = { USER_RATE_PER_S: "100000", USER_RATE_BURST: "100000" };
  system = await startSystem("hostile_input", { gatewayEnv: { ...unlimited, STAMPEDE_TEST_RUNTIME: "bun" } });
  await system.addGateway({ STAMPEDE_TEST_RUNTIME: "node" });
  urls = system.gateways.map(({ url }) => url);
  couponId = (await system.createSale({ total: 10 })).id;
}, 180_000);
afterAll(() => system?.close());

interface Documented {
  readonly method: string;
  readonly path: string;
  readonly statuses: readonly string[];
  readonly query: readonly string[];
}

interface Operation {
  readonly responses: object;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

/** What /openapi.json says that there is. */
async function documented(): Promise<Documented[]> {
  const { body } = await call(`${urls[0]}/openapi.json`);
  return Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses, parameters = [] }]) => ({
      method: method.toUpperCase(),
      path: path.replace("{couponId}", couponId).replace(/\{\w+\}/, "x"),
      statuses: Object.keys(responses),
      query: parameters.filter((one) => one.in === "query").map(({ name }) => name),
    })),
  );
}

async function ask(url: string, { method, path }: Documented, query: string, body?: string): Promise<ApiAnswer> {
  const response = await fetch(`${url}${path}${query}`, {
    method,
    headers: {
      authorization: `Bearer ${system.operator}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

test("a parameter that a call does not take is refused and named, at every call of both gateways", async () => {
  for (const url of urls) {
    for (const endpoint of await documented()) {
      for (const [query, name] of [
        ["?nope=1", "nope"],
        ["?limit=1&Cursor=x", "Cursor"],
        ["?%00", "\0"],
      ] as const) {
        const answer = await ask(url, endpoint, query);
        const { status, body } = answer;
        const seen = { endpoint: `${endpoint.method} ${endpoint.path}`, status, code: body.code };
        expect(seen).toEqual({ ...seen, status: 400, code: "VALIDATION_FAILED" });
        expect(body.detail).toContain(name);
        expect(answer.headers.get("content-type")).toBe("application/problem+json");
      }
    }
  }
});

const written = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const CURSORS = [
  written([9007199254740991, "x"]),
  written([1_700_000_000_000, "0".repeat(12)]),
  ...["sales", "products", "orders", "my-coupons", "points", "dead-letters"].flatMap((list) =>
    [
      [9007199254740991],
      [9007199254740991, "0".repeat(12)],
      [8.64e15, "0".repeat(12)],
      [-62_167_219_200_001, "0".repeat(12)],
      [1, "a\0b"],
      [0],
      ["1"],
      [null, null],
    ].map((key) => written([list, ...key])),
  ),
  "\0",
  "💥",
  "%",
];

test("a cursor that no page gave is refused at every list, never a 500; a list's own goes on", async () => {
  const lists = (await documented()).filter(({ query }) => query.includes("cursor"));
  expect(lists.length).toBeGreaterThanOrEqual(7);
  for (const url of urls) {
    for (const list of lists) {
      const refused = await Promise.all(
        CURSORS.map((cursor) => ask(url, list, `?cursor=${encodeURIComponent(cursor)}`)),
      );
      const wrong = refused.filter(({ status, body }) => status !== 400 || body.code !== "VALIDATION_FAILED");
      // A number beyond every row is a valid place in its list, and in no other list.
      expect({ list: list.path, wrong: wrong.map(({ body }) => body.items ?? body) }).toEqual({
        list: list.path,
        wrong: wrong.map(() => []),
      });
      expect(wrong.length).toBeLessThanOrEqual(1);
    }
  }
  const terms = saleTerms({ total: 1 });
  for (let i = 0; i < 2; i++) await call(`${urls[0]}/admin/coupons`, { token: system.operator, json: terms });
  const { body: first } = await call(`${urls[0]}/coupons?limit=1`);
  const { body: second } = await call(`${urls[1]}/coupons?limit=1&cursor=${first.nextCursor}`);
  expect(second.items).toHaveLength(1);
  expect(second.items[0].id).not.toBe(first.items[0].id);
});

test("times that do not exist, or that PostgreSQL could not give back, are refused alike on both; the last instant of 9999 is taken", async () => {
  const create = (url: string, endsAt: string) =>
    call(`${url}/admin/coupons`, { token: system.operator, json: { ...saleTerms({ total: 1 }), endsAt } });
  for (const url of urls) {
    for (const endsAt of [
      "9999-12-31T23:59:59-05:00",
      "0000-01-01T00:00:00Z",
      "2099-02-30T00:00:00Z",
      "2099-12-31T23:59:60Z",
      "2099-01-01T24:00:00Z",
      "2099-01-01T00:00:00+24:00",
      "2099-01-01T00:00:00",
    ]) {
      const { status, body } = await create(url, endsAt);
      expect({ endsAt, status, code: body.code }).toEqual({ endsAt, status: 400, code: "VALIDATION_FAILED" });
    }
    const { status, body } = await create(url, "9999-12-31T23:59:59.9999Z");
    expect([status, body.endsAt]).toEqual([201, "9999-12-31T23:59:59.999Z"]);
    expect(await call(`${url}/coupons/${body.id}`)).toMatchObject({ status: 200, body: { endsAt: body.endsAt } });
    const early = { ...saleTerms({ total: 1 }), startsAt: "9998-12-31T23:59:59Z", endsAt: "9999-12-31T23:59:59Z" };
    const { body: sale } = await call(`${url}/admin/coupons`, { token: system.operator, json: early });
    expect(sale.state).toBe("SCHEDULED");
    const refused = await claim(url, sale.id, system.token("early-bird"));
    expect(refused).toMatchObject({ status: 403, body: { code: "NOT_STARTED", startsAt: "9998-12-31T23:59:59.000Z" } });
    const socket = await TestSocket.welcomed(url, system.token("early-bird"));
    socket.send({ type: "subscribe", couponId: sale.id });
    socket.send({ type: "claim", couponId: sale.id });
    expect((await socket.hears("claim.refused")).code).toBe("NOT_STARTED");
    socket.close();
  }
});

test("members that an operator's call does not take are refused and named, and nothing is changed", async () => {
  for (const url of urls) {
    for (const action of ["open", "pause", "close"]) {
      const path = `${url}/admin/coupons/${couponId}/${action}`;
      const json = { endsAt: "2030-01-01T00:00:00Z", total: 5 };
      const { status, body } = await call(path, { token: system.operator, json });
      expect([status, body.code, body.detail]).toEqual([
        400,
        "VALIDATION_FAILED",
        "endsAt, total: not a member of this call's body",
      ]);
      expect((await call(path, { token: system.operator, json: [] })).status).toBe(400);
    }
    expect(await call(`${url}/coupons/${couponId}`)).toMatchObject({ body: { state: "OPEN" } });
    const open = `${url}/admin/coupons/${couponId}/open`;
    expect((await call(open, { token: system.operator, json: {} })).status).toBe(200);
    expect((await call(open, { token: system.operator, method: "POST" })).status).toBe(200);
  }
});

const BODIES = [
  "null",
  "[]",
  '"x"',
  "{",
  "",
  "\\u0000",
  '{"__proto__":{"role":"operator"}}',
  '{"name":"\\u0000","total":1}',
  JSON.stringify({ ...saleTerms({ total: 1 }), name: "a\0b" }),
  JSON.stringify({ ...saleTerms({ total: 1 }), discountValue: 1e308 }),
  JSON.stringify({ name: "x", stock: 1, price: 1, currency: "EU\0" }),
  JSON.stringify({ userId: "a\0b", amount: 1, reason: "x" }),
  JSON.stringify({ userId: "ann", amount: 1, reason: "a\0b" }),
  JSON.stringify({ items: [{ productId: "a\0b", quantity: 1 }] }),
  JSON.stringify({ items: [{ productId: "a", quantity: 1 }], shipping: { country: "DE", name: "a\0b" } }),
  JSON.stringify({ items: [{ productId: "a", quantity: 1 }], payment: { token: "a\0b" } }),
  JSON.stringify({ requestId: `${"0".repeat(12)}-${"0".repeat(18)}`, why: "a\0b" }),
  JSON.stringify({ why: "\ud800" }),
  JSON.stringify({ productId: "x", quantity: 1e99 }),
  "[".repeat(8_000),
];
const QUERIES = [
  "",
  "?cursor=%00",
  "?limit=1e3",
  "?userId=%00",
  "?userId=%7B%7D",
  "?topic=%00",
  "?status=%00",
  "?period=%00",
];
const PATHS = [
  "x",
  "%00",
  "a%00b",
  "-1",
  "99999999999999999999",
  "__proto__",
  "%F0%9F%92%A5",
  "%2e%2e",
  "a".repeat(300),
];

test("whatever is sent, the answer is one that the documentation names, with a code, and never a 5xx", async () => {
  for (const url of urls) {
    const wrong: unknown[] = [];
    for (const endpoint of await documented()) {
      const hasId = /\/x(\/|$)/.test(endpoint.path) || endpoint.path.includes(couponId);
      const paths = hasId
        ? PATHS.map((id) => endpoint.path.replace(/\/x(?=\/|$)/, `/${id}`).replace(`/${couponId}`, `/${id}`))
        : [endpoint.path];
      const tries = [
        ...paths.flatMap((path) => QUERIES.map((query) => ({ path, query, body: undefined as string | undefined }))),
        ...(endpoint.method === "GET" ? [] : BODIES.map((body) => ({ path: endpoint.path, query: "", body }))),
      ].filter(({ path, body }) => endpoint.method === "GET" || body !== undefined || path.includes("%"));
      for (const { path, query, body } of tries) {
        const answer = await ask(url, { ...endpoint, path }, query, body);
        const { status } = answer;
        const isProblem = answer.headers.get("content-type") === "application/problem+json" && answer.body.code;
        const isFine = status < 400 ? endpoint.statuses.includes(String(status)) : status < 500 && isProblem;
        if (!isFine || !endpoint.statuses.includes(String(status))) {
          wrong.push({
            endpoint: `${endpoint.method} ${path}${query}`,
            body: body?.slice(0, 60),
            status,
            answer: answer.body,
          });
        }
      }
    }
    expect(wrong).toEqual([]);
  }
}, 120_000);
