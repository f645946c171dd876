import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Health } from "./health.ts";

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
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
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<unknown>>> = {
    "/health/live": async (response) => json(response, 200, { status: "live" }),
    "/health/ready": async (response) => {
      const answer = await health();
      return json(response, answer.status === "ready" ? 200 : 503, answer);
    },
    "/metrics": async (response) =>
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(await metrics()),
  };
  const server = createServer((request, response) => {
    const route = request.method === "GET" ? routes[request.url?.split("?")[0] ?? ""] : undefined;
    if (route === undefined) response.writeHead(404).end();
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
