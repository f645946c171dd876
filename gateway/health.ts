import { json } from "./problem.ts";
import type { Handler, HttpResponse } from "./transports/transport.ts";

/** One dependency's state: resolves when it answers, rejects with the reason when it doesn't. */
export type Probe = () => Promise<void>;

const PROBE_MS = 1_000;
const REMEMBER_MS = 250;

async function ask(probe: Probe): Promise<"up" | "down"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), PROBE_MS);
  });
  try {
    await Promise.race([probe(), late]);
    return "up";
  } catch {
    return "down"; // which is the answer; the log has the reason from whoever needed the dependency
  } finally {
    clearTimeout(timer);
  }
}

/** GET /health/live: the process answers. */
export const liveRoute: Handler = () => json(200, { status: "live" });

/**
 * GET /health/ready: 200 while claims can be taken. Redis is needed for that; without Kafka claims go to the ledger and
 * without PostgreSQL they wait there, so those two only make the answer `degraded`.
 */
export function readyRoute(
  probes: { readonly redis: Probe; readonly kafka: Probe; readonly database: Probe },
  shuttingDown: () => boolean,
): Handler {
  let latest: { at: number; answer: Promise<HttpResponse> } | undefined;
  async function look(): Promise<HttpResponse> {
    const [redis, kafka, database] = await Promise.all([ask(probes.redis), ask(probes.kafka), ask(probes.database)]);
    const stopping = shuttingDown();
    const ready = redis === "up" && !stopping;
    const whole = kafka === "up" && database === "up";
    const status = stopping ? "stopping" : ready ? (whole ? "ready" : "degraded") : "not ready";
    return json(ready ? 200 : 503, { status, redis, kafka, database });
  }
  return () => {
    const now = performance.now();
    // Health checkers come in packs; one look serves them all.
    if (latest === undefined || now - latest.at > REMEMBER_MS || shuttingDown()) latest = { at: now, answer: look() };
    return latest.answer;
  };
}
