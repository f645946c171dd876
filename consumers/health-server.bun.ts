import type { Health } from "./health.ts";

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** /health/live, /health/ready and /metrics, for machines. No transport of the gateway: this room takes no requests. */
export function serveHealth(
  host: string,
  port: number,
  health: () => Promise<Health>,
  metrics: () => Promise<string>,
): HealthServer {
  const server = Bun.serve({
    hostname: host,
    port,
    routes: {
      "/health/live": { GET: () => Response.json({ status: "live" }) },
      "/health/ready": {
        GET: async () => {
          const answer = await health();
          return Response.json(answer, { status: answer.status === "ready" ? 200 : 503 });
        },
      },
      "/metrics": {
        GET: async () => new Response(await metrics(), { headers: { "content-type": "text/plain; version=0.0.4" } }),
      },
    },
    fetch: () => new Response(null, { status: 404 }),
  });
  return { port: server.port ?? port, stop: () => server.stop(true) };
}
