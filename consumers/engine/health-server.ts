import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { RESULTS } from "../../contracts/wire/result-codes.ts";
import type { Health } from "./health.ts";

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** As every answer of the gateway has it: no browser shall guess what it is. */
const STANDING = { "x-content-type-options": "nosniff" } as const;

function refuse(response: ServerResponse, code: "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED", headers = {}): void {
  const { status, title, retryable } = RESULTS[code];
  const document = { type: `urn:stampede:problem:${code}`, title, status, code, retryable, detail: title };
  response.writeHead(status, { ...STANDING, ...headers, "content-type": "application/problem+json" });
  response.end(JSON.stringify(document));
}

/**
 * /health/live, /health/ready and /metrics, for machines. No transport of the gateway, and the same on every runtime: this
 * room takes no requests of users. @throws Error if the port is taken
 */
export async function serveHealth(
  host: string,
  port: number,
  health: () => Promise<Health>,
  metrics: () => Promise<string>,
): Promise<HealthServer> {
  const json = (response: ServerResponse, status: number, body: unknown) =>
    response.writeHead(status, { ...STANDING, "content-type": "application/json" }).end(JSON.stringify(body));
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<unknown>>> = {
    "/health/live": async (response) => json(response, 200, { status: "live" }),
    "/health/ready": async (response) => {
      const answer = await health();
      return json(response, answer.status === "ready" ? 200 : 503, answer);
    },
    "/metrics": async (response) =>
      response.writeHead(200, { ...STANDING, "content-type": "text/plain; version=0.0.4" }).end(await metrics()),
  };
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    // A probe may ask with HEAD: node:http leaves the body out.
    const isLook = request.method === "GET" || request.method === "HEAD";
    if (route === undefined) refuse(response, "ROUTE_NOT_FOUND");
    else if (!isLook) refuse(response, "METHOD_NOT_ALLOWED", { allow: "GET, HEAD" });
    else route(response).catch(() => response.destroy()); // neither rejects; a probe that sees the end of the line tries again
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
