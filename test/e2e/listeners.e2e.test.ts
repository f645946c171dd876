import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { freePort } from "../support/free-port.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
const [admin, machine] = [freePort(), freePort()];
const APART = { ADMIN_PORT: String(admin), MACHINE_PORT: String(machine) };
const operators = `http://127.0.0.1:${admin}`;
const machines = `http://127.0.0.1:${machine}`;

beforeAll(async () => {
  system = await startSystem("listeners", { gateways: 1, gatewayEnv: { DOCS: "public" } });
  await system.addGateway({ ...APART, DOCS: "public" });
}, 180_000);
afterAll(() => system?.close());

/** The gateway with three listeners. */
const url = () => system.gateways[1]!.url;
const codeAt = async (at: string, method = "GET", token?: string) => {
  const { status, body } = await call(at, { method, ...(token === undefined ? {} : { token }) });
  return [status, body?.code];
};

test("customers, operators and machines have a listener each, and each answers 404 to what is not its own", async () => {
  const { operator } = system;
  const sale = await call(`${operators}/admin/coupons`, {
    token: operator,
    json: {
      name: "Three doors",
      total: 1,
      startsAt: new Date(Date.now() - 1_000).toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      discountType: "FIXED",
      discountValue: 100,
    },
  });
  expect(sale.status).toBe(201);
  expect((await claim(url(), sale.body.id, system.token("ada"))).status).toBe(202);
  expect((await call(`${url()}/health/live`)).body).toEqual({ status: "live" });
  // Kafka's first connection may take longer than the start of the gateway.
  await until("everything answers", async () => (await call(`${machines}/health/ready`)).body.status === "ready");
  expect(String((await call(`${machines}/metrics`)).body)).toContain("stampede_claims_total");
  const missing = [404, "ROUTE_NOT_FOUND"];
  expect(await codeAt(`${url()}/admin/pipeline`, "GET", operator)).toEqual(missing);
  expect(await codeAt(`${url()}/metrics`)).toEqual(missing);
  expect(await codeAt(`${url()}/health/ready`)).toEqual(missing);
  expect(await codeAt(`${operators}/coupons`)).toEqual(missing);
  expect(await codeAt(`${operators}/metrics`)).toEqual(missing);
  expect(await codeAt(`${operators}/ws`)).toEqual(missing);
  expect(await codeAt(`${machines}/admin/pipeline`, "GET", operator)).toEqual(missing);
  expect(await codeAt(`${machines}/coupons`)).toEqual(missing);
});

test("the socket is the customers'", async () => {
  const socket = await TestSocket.welcomed(url(), system.token("bea"));
  socket.send({ type: "ping" });
  await socket.hears("pong");
  socket.close();
});

test("customers read what they can call, and operators read everything, the topics too", async () => {
  const pathsAt = async (at: string) => Object.keys((await call(`${at}/openapi.json`)).body.paths);
  const [shop, all] = [await pathsAt(url()), await pathsAt(operators)];
  expect(shop).toContain("/coupons/{couponId}/issue");
  expect(shop.filter((path) => /^\/(admin|metrics|health\/ready)/.test(path))).toEqual([]);
  expect(all).toEqual(expect.arrayContaining([...shop, "/admin/coupons", "/metrics", "/health/ready"]));
  const channelsAt = async (at: string) => Object.keys((await call(`${at}/asyncapi.json`)).body.channels);
  expect(await channelsAt(url())).toEqual(["socket"]);
  expect(await channelsAt(operators)).toContain("coupon-issue-requests");
  expect((await call(`${url()}/docs`)).status).toBe(200);
});

test("documents are only where they are configured", async () => {
  const [some, none] = [
    await system.addGateway({ ...portsApart(), DOCS: "operators" }),
    await system.addGateway({ ...portsApart(), DOCS: "none" }),
  ];
  expect(await codeAt(`${some.url}/openapi.json`)).toEqual([404, "ROUTE_NOT_FOUND"]);
  expect(await codeAt(`${some.url}/docs`)).toEqual([404, "ROUTE_NOT_FOUND"]);
  expect(await codeAt(`${none.url}/docs`)).toEqual([404, "ROUTE_NOT_FOUND"]);
});

function portsApart() {
  return { ADMIN_PORT: String(freePort()), MACHINE_PORT: String(freePort()) };
}

test("operators and machines on the public port are possible, and the log says so", async () => {
  const [first] = system.gateways;
  expect(await codeAt(`${first!.url}/admin/pipeline`, "GET", system.operator)).toEqual([200, undefined]);
  expect(first!.output()).toContain("these are served on the public port too");
  expect(system.gateways[1]!.output()).not.toContain("these are served on the public port too");
});

test("a port that is taken stops the start with its variable", async () => {
  // The other gateway answers for it that it is ready.
  const started = await system.addGateway({ ...portsApart(), MACHINE_PORT: String(machine) });
  expect(await started.exited).toBe(1);
  expect(started.output()).toContain(`MACHINE_PORT: the gateway can't listen on 127.0.0.1 port ${machine}`);
});
