import { afterAll, beforeAll, expect, test } from "bun:test";
import { type HealthServer, serveHealth } from "../../consumers/engine/health-server.ts";
import { once, requestText } from "../contracts/transport/raw-http.ts";

let server: HealthServer;
beforeAll(async () => {
  const health = async () => ({ status: "ready" }) as never;
  server = await serveHealth("127.0.0.1", 0, health, async () => "metric 1\n");
});
afterAll(() => server.stop());

test("probes of every kind are answered, and browsers told not to guess", async () => {
  for (const [method, target, status] of [
    ["GET", "/health/live", 200],
    ["GET", "/health/ready?probe=1", 200],
    ["HEAD", "/health/ready", 200],
    ["GET", "/metrics", 200],
    ["GET", "/nothing", 404],
    ["GET", "/__proto__", 404],
    ["POST", "/health/live", 405],
  ] as const) {
    const answer = await once(server.port, requestText(method, target), { head: method === "HEAD" });
    const sniff = answer.headers["x-content-type-options"];
    expect({ method, target, status: answer.status, sniff }).toEqual({ method, target, status, sniff: "nosniff" });
    if (status >= 400) expect(answer.headers["content-type"]).toBe("application/problem+json");
  }
  expect((await once(server.port, "GET /health/live HTTP/1.0\r\n\r\n")).status).toBe(200);
  expect((await once(server.port, requestText("POST", "/metrics"))).headers.allow).toBe("GET, HEAD");
});
