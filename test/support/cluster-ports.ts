import { listenersOn } from "../../stack/ports.ts";

/** Ports for a cluster: it takes several from each base, so they are looked for together, below those that the system gives out. */
export interface ClusterPorts {
  readonly redis: number;
  readonly kafka: number;
}

const LOWEST = 23_000;
const HIGHEST = 32_000;
/** From a Redis cluster's first port to its last bus port; Kafka's six lie in between. */
const BLOCK = 60;
const KAFKA_FROM = 20;

export function clusterPorts(): ClusterPorts {
  for (let tries = 0; tries < 100; tries++) {
    const base = LOWEST + BLOCK * Math.floor((Math.random() * (HIGHEST - LOWEST)) / BLOCK);
    const all = Array.from({ length: BLOCK }, (_, i) => base + i);
    if (all.every((port) => listenersOn(port) === 0)) return { redis: base, kafka: base + KAFKA_FROM };
  }
  throw new Error("There is no free block of ports for a cluster");
}
