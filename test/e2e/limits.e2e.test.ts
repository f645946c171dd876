import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { RawHttp, requestText } from "../contracts/transport/raw-http.ts";
import { RawWebSocket } from "../contracts/transport/raw-websocket.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import type { TestProcess } from "../support/processes.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const SHOP = "https://shop.example";

let system: System;
beforeAll(async () => {
  system = await startSystem("limits");
}, 180_000);
afterAll(() => system?.close());

const portOf = (gateway: TestProcess) => Number(new URL(gateway.url).port);

/** How often a limit of this gateway has refused, by its metrics. */
async function refusals(gateway: TestProcess, limit: string): Promise<number> {
  const { body } = await call(`${gateway.url}/metrics`);
  return Number(new RegExp(`^stampede_refused_total\\{limit="${limit}"\\} (\\d+)$`, "m").exec(body)![1]);
}

const codes = (answers: readonly ApiAnswer[]) => [
  ...new Set(answers.map(({ status, body }) => `${status} ${body.code ?? ""}`.trim())),
];

describe.each(["bun", "node"])("on %s", (runtime) => {
  const gatewayWith = (env: Record<string, string>) => system.addGateway({ STAMPEDE_TEST_RUNTIME: runtime, ...env });

  test("an address behind the proxy has a bucket for what it reads and claims, and its neighbour another", async () => {
    const gateway = await gatewayWith({
      TRUSTED_PROXIES: "127.0.0.0/8",
      ADDRESS_RATE_PER_S: "1",
      ADDRESS_RATE_BURST: "10",
    });
    const { id: couponId } = await system.createSale({ total: 100 });
    const read = (address: string) =>
      call(`${gateway.url}/products`, { headers: { "x-forwarded-for": `203.0.113.9, ${address}` } });
    const answers: ApiAnswer[] = [];
    for (let i = 0; i < 40; i++) answers.push(await read("198.51.100.1"));
    expect(codes(answers)).toEqual(["200", "429 RATE_LIMITED"]);
    // A list costs four tokens, and one comes back in a second.
    expect(["1", "2", "3", "4"]).toContain(answers.at(-1)!.headers.get("retry-after")!);
    expect((await read("198.51.100.2")).status).toBe(200);
    expect(await refusals(gateway, "address")).toBeGreaterThan(10);

    // Claims are looked at in samples, until one is refused.
    const claimed = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        call(`${gateway.url}/coupons/${couponId}/issue`, {
          method: "POST",
          token: system.token(`${runtime}-crowd-${i}`),
          headers: { "x-forwarded-for": "198.51.100.3" },
        }),
      ),
    );
    expect(codes(claimed)).toEqual(["202", "429 RATE_LIMITED"]);
    expect(gateway.output()).toContain('"who":"198.51.100.1"');
  });

  test("one user's reads, claims and messages share a bucket, and the next user does not feel it", async () => {
    const gateway = await gatewayWith({ USER_RATE_PER_S: "1", USER_RATE_BURST: "10" });
    const { id: couponId } = await system.createSale({ total: 100 });
    const greedy = system.token(`${runtime}-greedy`);
    const socket = await TestSocket.welcomed(gateway.url, greedy);
    for (let i = 0; i < 8; i++) socket.send({ type: "resume" });
    await socket.hears("resumed", 5);
    await socket.hears("error", 3);
    expect(socket.all("error").map(({ code }) => code)).toEqual(Array(3).fill("RATE_LIMITED"));
    socket.send({ type: "claim", couponId, ref: "c" });
    expect(await socket.hears("claim.refused")).toMatchObject({ code: "RATE_LIMITED", retryAfterS: 1 });
    expect((await claim(gateway.url, couponId, greedy)).body.code).toBe("RATE_LIMITED");
    expect((await call(`${gateway.url}/me/coupons`, { token: greedy })).body.code).toBe("RATE_LIMITED");
    const modest = system.token(`${runtime}-modest`);
    expect((await claim(gateway.url, couponId, modest)).status).toBe(202);
    expect((await call(`${gateway.url}/me/coupons`, { token: modest })).status).toBe(200);
    expect(await refusals(gateway, "user")).toBeGreaterThanOrEqual(6);
    socket.close();
  });

  test("reads beyond the queue are refused at once, and a claim does not wait for them", async () => {
    const gateway = await gatewayWith({ MAX_READS: "1", MAX_WAITING_READS: "2" });
    const { id: couponId } = await system.createSale({ total: 100 });
    // PostgreSQL keeps those that it is asked for.
    const [locked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = system.sql.begin(async (tx) => {
      await tx`LOCK TABLE user_coupons IN ACCESS EXCLUSIVE MODE`;
      locked.resolve();
      await free.promise;
    });
    await locked.promise;
    const token = system.token(`${runtime}-reader`);
    const reads = Array.from({ length: 20 }, () => call(`${gateway.url}/me/coupons`, { token }));
    await until("the others are refused", async () => (await refusals(gateway, "reads")) >= 17);
    expect((await claim(gateway.url, couponId, system.token(`${runtime}-claimer`))).status).toBe(202);
    expect((await call(`${gateway.url}/openapi.json`)).status).toBe(200);
    free.resolve();
    await holding;
    const answers = await Promise.all(reads);
    expect(codes(answers).sort()).toEqual(["200", "503 OVERLOADED"]);
    for (const { status, headers } of answers) {
      if (status === 503) expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
  });

  test("sockets beyond their number are refused, and connections beyond theirs end with a 503", async () => {
    const gateway = await gatewayWith({ MAX_SOCKETS: "2", MAX_CONNECTIONS: "30" });
    const sockets = [await TestSocket.open(gateway.url), await TestSocket.open(gateway.url)];
    const third = await RawWebSocket.open(portOf(gateway), "/ws", {});
    expect([third.response.status, JSON.parse(third.response.body).code]).toEqual([503, "OVERLOADED"]);
    sockets[0]!.close();
    await until("there is room again", async () =>
      TestSocket.open(gateway.url).then(
        (socket) => sockets.push(socket) > 0,
        () => false,
      ),
    );
    const idle = await Promise.all(Array.from({ length: 40 }, () => RawHttp.open(portOf(gateway))));
    const asked: RawHttp[] = [];
    await until("a request is refused", async () => {
      const raw = await RawHttp.open(portOf(gateway));
      asked.push(raw);
      raw.write(requestText("GET", "/products"));
      const { status, headers } = (await raw.response())!;
      if (status !== 503) return false;
      expect(headers.connection).toBe("close");
      await until("the connection ends", () => raw.isClosed);
      return true;
    });
    for (const raw of [...idle, ...asked]) raw.close();
    await until("requests are answered again", async () => {
      const answer = await call(`${gateway.url}/products`).catch(() => null);
      return answer?.status === 200;
    });
    for (const socket of sockets) socket.close();
  });

  test("before it is authenticated a socket may make one mistake, and send no large message", async () => {
    const gateway = await gatewayWith({});
    const confused = await TestSocket.open(gateway.url);
    confused.send({ type: "ping" });
    confused.send({ type: "ping" });
    expect(await confused.closed()).toBe(CLOSE.POLICY);
    expect(confused.all("error").map(({ code }) => code)).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    const large = await TestSocket.open(gateway.url);
    large.send({ type: "auth", token: "x".repeat(5_000) });
    expect(await large.closed()).toBe(CLOSE.TOO_BIG);
  });

  test("a page of an allowed origin may use the API, and a page of another may not", async () => {
    const gateway = await gatewayWith({ ALLOWED_ORIGINS: SHOP });
    const { id: couponId } = await system.createSale({ total: 100 });
    const issue = `${gateway.url}/coupons/${couponId}/issue`;
    const preflight = (origin: string) =>
      fetch(issue, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
    const allowed = await preflight(SHOP);
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([204, SHOP]);
    expect(Number(allowed.headers.get("access-control-max-age"))).toBeGreaterThan(60);
    const refused = await preflight("https://evil.example");
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, null]);

    const headers = { origin: SHOP };
    const answers = [
      await call(issue, { method: "POST", token: system.token(`${runtime}-shopper`), headers }),
      await call(issue, { method: "POST", headers }),
      await call(`${issue}?wrong=1`, { method: "POST", token: system.token(`${runtime}-shopper`), headers }),
      await call(`${gateway.url}/products`, { headers }),
      await call(`${gateway.url}/nothing`, { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 401, 400, 200, 404]);
    for (const answer of answers) {
      expect(answer.headers.get("access-control-allow-origin")).toBe(SHOP);
      expect(answer.headers.get("vary")).toBe("origin");
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
    for (const [path, origin] of [
      ["/products", "https://evil.example"],
      ["/products", undefined],
      ["/admin/pipeline", SHOP],
    ] as const) {
      const answer = await call(`${gateway.url}${path}`, {
        token: system.operator,
        headers: origin === undefined ? {} : { origin },
      });
      expect([path, answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([path, 200, null]);
    }
  });

  test("without allowed origins no answer has a header of CORS", async () => {
    const gateway = await gatewayWith({});
    const answer = await call(`${gateway.url}/products`, { headers: { origin: SHOP } });
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-") || name === "vary")).toEqual(
      [],
    );
    const preflight = await fetch(`${gateway.url}/products`, {
      method: "OPTIONS",
      headers: { origin: SHOP, "access-control-request-method": "GET" },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, null]);
  });
});
