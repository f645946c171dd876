import { expect, test } from "bun:test";
import { freePort } from "../test/support/free-port.ts";
import { ByteBudget } from "./admission/byte-budget.ts";
import type { GatewayConfig } from "./config.ts";
import type { Audience } from "./http/declaration.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { type ListenerParts, openListeners } from "./listeners.ts";
import { listenBun } from "./transports/bun.ts";
import type { Handler } from "./transports/transport.ts";

const endpointOf = (audience: Audience, path: string, handler: Handler, method = "GET") =>
  ({ method, path, audience, serve: () => handler }) as unknown as Endpoint;

function openWith(config: Partial<GatewayConfig>, endpoints: readonly Endpoint[], limits: object = {}) {
  const parts = {
    config: {
      GATEWAY_HOST: "127.0.0.1",
      GATEWAY_PORT: 0,
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: 0,
      MACHINE_HOST: "127.0.0.1",
      MACHINE_PORT: 0,
      DOCS: "none",
      REUSE_PORT: false,
      MAX_BODY_BYTES: 16_384,
      IDLE_TIMEOUT_S: 75,
      SOCKET_BUFFER_BYTES: 16_384,
      allowedOrigins: new Set(),
      ...config,
    },
    listen: listenBun,
    endpoints,
    door: {},
    room: { route: { path: "/ws" } },
    limits,
    log: { warn() {} },
    onError() {},
  };
  return openListeners(parts as unknown as ListenerParts);
}

/** A call that is answered only when it is told to. */
function slowCall(audience: Audience) {
  const answer = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const endpoint = endpointOf(audience, "/slow", async () => {
    arrived.resolve();
    await answer.promise;
    return { status: 200, body: "done" };
  });
  return { endpoint, arrived: arrived.promise, answer: answer.resolve };
}

test.each([
  ["customers share a listener with machines", "public", "GATEWAY_PORT"],
  ["operators share a listener with machines", "operator", "ADMIN_PORT"],
  ["every audience has a listener", "public", null],
] as const)("a stop lets a running call finish where %s", async (_, audience, shared) => {
  const slow = slowCall(audience);
  const port = freePort();
  const config = shared === null ? {} : { [shared]: port, MACHINE_PORT: port };
  const listeners = await openWith(config, [slow.endpoint]);
  const answered = fetch(`http://127.0.0.1:${listeners.ports[audience]}/slow`).then((response) => response.text());
  await slow.arrived;
  const stopped = listeners.stop(10_000);
  setTimeout(slow.answer, 600);
  expect(await answered).toBe("done");
  await stopped;
});

test("operators' calls are not on the public address because the ports are equal", async () => {
  const port = freePort();
  const admin = endpointOf("operator", "/admin/pipeline", () => ({ status: 200 }));
  const listeners = await openWith({ GATEWAY_HOST: "127.0.0.2", GATEWAY_PORT: port, ADMIN_PORT: port }, [admin]);
  const statusAt = async (host: string) => (await fetch(`http://${host}:${port}/admin/pipeline`)).status;
  expect([await statusAt("127.0.0.2"), await statusAt("127.0.0.1")]).toEqual([404, 200]);
  await listeners.stop(0);
});

test("two hosts of which one contains the other can't have the same port, and the message says what to do", async () => {
  const port = freePort();
  const opening = openWith({ GATEWAY_HOST: "0.0.0.0", GATEWAY_PORT: port, ADMIN_PORT: port }, []);
  await expect(opening).rejects.toThrow(
    `ADMIN_PORT: the gateway can't listen on 127.0.0.1 port ${port}; it has this port on 0.0.0.0 already, and shares it only with the same host`,
  );
});

test("customers whose bodies use up the memory for them do not keep operators out", async () => {
  const echo: Handler = async (request) => ({ status: 200, body: await request.body() });
  const endpoints = (["public", "operator"] as const).map((audience) => endpointOf(audience, "/echo", echo, "POST"));
  const bodies = new ByteBudget(0, () => {});
  const listeners = await openWith({}, endpoints, { bodies });
  const statusAt = async (audience: Audience) =>
    (await fetch(`http://127.0.0.1:${listeners.ports[audience]}/echo`, { method: "POST", body: "{}" })).status;
  expect([await statusAt("public"), await statusAt("operator")]).toEqual([503, 200]);
  await listeners.stop(0);
});
