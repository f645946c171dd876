import { type Static, Type } from "@sinclair/typebox";
import { refusalOf } from "../../db/pooling.ts";
import type { Audience } from "../http/declaration.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { HttpResponse } from "../transports/transport.ts";

/** One dependency's state: resolves when it answers, rejects with the reason when it doesn't. */
export type ReadinessProbe = () => Promise<void>;

const PROBE_MS = 1_000;
const REMEMBER_MS = 250;

export const Liveness = Type.Object({ status: Type.Literal("live") }, { $id: "Liveness", additionalProperties: false });

const DependencyState = Type.Union([Type.Literal("up"), Type.Literal("down"), Type.Literal("refused")], {
  description: "`refused`: it answers, and does not let us in",
});

/** The answer of GET /health/ready, whatever its status. */
export const Readiness = Type.Object(
  {
    status: Type.Union(
      (["ready", "degraded", "not ready", "stopping"] as const).map((state) => Type.Literal(state)),
      { description: "`ready`, `degraded`: 200; `not ready`, `stopping`: 503" },
    ),
    redis: DependencyState,
    kafka: DependencyState,
    database: DependencyState,
    why: Type.Optional(
      Type.String({ description: "With a database that refuses the gateway: a sentence for an operator" }),
    ),
  },
  { $id: "Readiness", additionalProperties: false },
);
export type Readiness = Static<typeof Readiness>;

interface Answer {
  readonly state: Static<typeof DependencyState>;
  /** With `refused`: a sentence for an operator. */
  readonly why?: string;
}

async function ask(probe: ReadinessProbe): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), PROBE_MS);
  });
  try {
    await Promise.race([probe(), late]);
    return { state: "up" };
  } catch (error) {
    const why = refusalOf(error);
    // `down` is the answer; the call that needed the dependency logged the reason.
    return why === null ? { state: "down" } : { state: "refused", why };
  } finally {
    clearTimeout(timer);
  }
}

const LIVE = json(200, { status: "live" });

const HEALTH = {
  method: "GET",
  tag: "machines",
  caller: "anyone",
  cost: "free",
  body: "none",
  idempotency: "none",
  cache: "no-store",
  audit: false,
  refusals: [],
} as const;

/** GET /health/live, which each listener answers that a balancer looks at. */
export const liveness = (audience: Audience, operationId: string): Endpoint =>
  endpoint({
    ...HEALTH,
    path: "/health/live",
    operationId,
    summary: "The process answers",
    audience,
    answers: { 200: Liveness },
    handle: () => LIVE,
  });

/** GET /health/ready */
export const readiness = (look: LookAtReadiness): Endpoint =>
  endpoint({
    ...HEALTH,
    path: "/health/ready",
    operationId: "getReadiness",
    summary: "Whether claims can be taken",
    audience: "machine",
    answers: { 200: Readiness, 503: Readiness },
    meanings: {
      200: "Claims can be taken; `degraded`: without Kafka or PostgreSQL, for which they wait in Redis",
      503: "Send no requests here: `not ready` without Redis or with a database that refuses the gateway, `stopping` before the end",
    },
    handle: look,
  });

export type LookAtReadiness = () => Promise<HttpResponse>;

/**
 * The answer of GET /health/ready: 200 while claims can be taken. Redis is needed for that. Without Kafka claims go to the ledger, and
 * without PostgreSQL they wait there, so those two only make the answer `degraded`. A database that has refused the gateway from
 * the start is not an outage but a wrong configuration: the gateway is not ready.
 */
export function createReadiness(
  probes: { readonly redis: ReadinessProbe; readonly kafka: ReadinessProbe; readonly database: ReadinessProbe },
  shuttingDown: () => boolean,
): LookAtReadiness {
  let latest: { at: number; answer: Promise<HttpResponse> } | undefined;
  let databaseWasUp = false;
  async function look(): Promise<HttpResponse> {
    const [redis, kafka, database] = await Promise.all([ask(probes.redis), ask(probes.kafka), ask(probes.database)]);
    const stopping = shuttingDown();
    databaseWasUp ||= database.state === "up";
    const isWrong = database.state === "refused" && !databaseWasUp;
    const ready = redis.state === "up" && !stopping && !isWrong;
    const whole = kafka.state === "up" && database.state === "up";
    const status = stopping ? "stopping" : ready ? (whole ? "ready" : "degraded") : "not ready";
    const answer: Readiness = {
      status,
      redis: redis.state,
      kafka: kafka.state,
      database: database.state,
      ...(database.why === undefined ? {} : { why: database.why }),
    };
    return json(ready ? 200 : 503, answer);
  }
  return () => {
    const now = performance.now();
    // Several health checkers may ask at once; one look serves them all.
    if (latest === undefined || now - latest.at > REMEMBER_MS || shuttingDown()) latest = { at: now, answer: look() };
    return latest.answer;
  };
}
