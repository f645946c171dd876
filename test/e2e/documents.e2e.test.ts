import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ServerMessages } from "../../contracts/wire/socket-messages.ts";
import { call, claim } from "../support/client.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("documents");
}, 180_000);
afterAll(() => system?.close());

interface Operation {
  readonly security?: readonly unknown[];
  readonly responses: Record<string, unknown>;
}

test("every operation in openapi.json exists, asks for a token where it says so, and answers with a status it names", async () => {
  const { status, body } = await call(`${system.url}/openapi.json`);
  expect(status).toBe(200);
  expect(body.openapi).toStartWith("3.1");
  const operations = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  expect(operations.length).toBeGreaterThan(12);
  for (const { path, method, operation } of operations) {
    const url = system.url + path.replace(/\{\w+\}/g, "0".repeat(12));
    const answer = await call(url, { method });
    const what = { path, method, status: answer.status };
    expect(Object.keys(operation.responses)).toContain(String(answer.status));
    if (operation.security !== undefined) expect(what).toEqual({ path, method, status: 401 });
    else expect(answer.body.code).not.toBe("ROUTE_NOT_FOUND");
    const other = ["DELETE", "PUT", "POST"].find((one) => !(one.toLowerCase() in body.paths[path]))!;
    expect(await call(url, { method: other })).toMatchObject({ status: 405, body: { code: "METHOD_NOT_ALLOWED" } });
  }
});

test("the readiness of a running gateway is what openapi.json says it is, ready or not", async () => {
  const { body } = await call(`${system.url}/openapi.json`);
  const { responses } = body.paths["/health/ready"].get;
  const answer = await call(`${system.url}/health/ready`);
  expect(answer.status).toBe(200);
  expect(Object.keys(responses[answer.status].content)).toEqual([String(answer.headers.get("content-type"))]);
  const { $ref } = responses[answer.status].content["application/json"].schema;
  const schema = body.components.schemas[$ref.split("/").at(-1)];
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(answer.body)));
  expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(schema.required));
});

test("every reference inside of openapi.json leads somewhere", async () => {
  const { body } = await call(`${system.url}/openapi.json`);
  const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, pointer]) => pointer!);
  expect(references.length).toBeGreaterThan(5);
  for (const pointer of references) {
    const target = pointer.split("/").reduce((at: Record<string, unknown>, name) => at?.[name] as never, body);
    expect(target, pointer).toBeDefined();
  }
});

test("asyncapi.json names every message that a socket says", async () => {
  const { body } = await call(`${system.url}/asyncapi.json`);
  const { messages } = body.channels.socket;
  expect(Object.keys(messages)).toEqual(expect.arrayContaining(Object.keys(ServerMessages)));
  const { id: couponId } = await system.createSale({ total: 1 });
  const socket = await TestSocket.welcomed(system.url, system.token("reader"));
  for (const message of [
    { type: "subscribe", couponId, ref: "r" },
    { type: "claim", couponId },
    { type: "ping" },
    { type: "resume" },
    { type: "dance" },
  ]) {
    socket.send(message);
  }
  await Promise.all(
    (["sale.soldout", "coupon.issued", "pong", "resumed", "error"] as const).map((type) => socket.hears(type)),
  );
  socket.send({ type: "claim", couponId: "0".repeat(12) });
  await socket.hears("claim.refused");
  for (const message of socket.heard) {
    expect(messages).toHaveProperty([message.type]);
    const schema = ServerMessages[message.type];
    expect([...Value.Errors(schema, message)].filter(({ schema: { format } }) => format === undefined)).toEqual([]);
  }
  socket.close();
});

test("the reading page loads nothing from elsewhere", async () => {
  const { status, headers, body } = await call(`${system.url}/docs`);
  expect({ status, type: headers.get("content-type") }).toEqual({ status: 200, type: "text/html; charset=utf-8" });
  expect(body).toContain("/openapi.json");
  expect(body).not.toMatch(/(src|href)="?(https?:)?\/\//);
  expect(body).toContain('<link rel="icon" href="data:,">'); // else each browser asks for /favicon.ico and complains
  expect(headers.get("content-security-policy")).toContain("img-src data:");
});

test("problems are RFC 9457 documents with a code, and name the request", async () => {
  const answer = await claim(system.url, "0".repeat(12), system.token("ann"));
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.body).toEqual({
    type: "urn:stampede:problem:COUPON_NOT_FOUND",
    title: "No such coupon",
    status: 404,
    code: "COUPON_NOT_FOUND",
    detail: expect.any(String),
    retryable: false,
    requestId: expect.any(String),
  });
});
