import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import type { BaseService, ServiceName } from "./service-names.ts";

/** Whether Redis and Kafka are one process each, or a Redis Cluster and three brokers. */
export type Shape = "single" | "cluster";

const markOf = (layout: Layout) => join(layout.run, "shape");

/** The shape of what runs; single when nothing does. */
export function rememberedShape(layout: Layout): Shape {
  try {
    return readFileSync(markOf(layout), "utf8").trim() === "cluster" ? "cluster" : "single";
  } catch {
    return "single"; // no mark: it was never asked for, or everything was stopped
  }
}

export function rememberShape(layout: Layout, shape: Shape): void {
  if (shape === "single") forgetShape(layout);
  else writeFileSync(markOf(layout), `${shape}\n`);
}

export function forgetShape(layout: Layout): void {
  rmSync(markOf(layout), { force: true });
}

/** Services that are other processes in the other shape. They are never Docker's nor the environment's in a cluster. */
export const hasShape = (service: ServiceName): service is Exclude<BaseService, "postgres"> =>
  service === "redis" || service === "kafka";

/** Services that hold the addresses of those: in another shape they must be started anew. PostgreSQL stays. */
export const dependsOnShape = (service: ServiceName): boolean => service !== "postgres";
