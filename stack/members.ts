import type { Ports } from "./layout.ts";
import type { Passwords } from "./secrets.ts";
import type { Shape } from "./shape.ts";

/** The bus ports of a Redis Cluster lie so far above the ports; Redis' own choice, 10,000, may not exist. */
const BUS_OFFSET = 50;
const REDIS_MASTERS = 3;
const KAFKA_BROKERS = 3;

export interface RedisMember {
  readonly port: number;
  /** Where the members of a cluster talk to each other; null: it is no cluster. */
  readonly busPort: number | null;
}

/** One Redis; or three masters and then their replicas, on the next ports. (Which is master changes with a failover.) */
export function redisMembers(ports: Pick<Ports, "redis">, shape: Shape): RedisMember[] {
  if (shape === "single") return [{ port: ports.redis, busPort: null }];
  return Array.from({ length: 2 * REDIS_MASTERS }, (_, i) => ({
    port: ports.redis + i,
    busPort: ports.redis + BUS_OFFSET + i,
  }));
}

export interface KafkaMember {
  readonly nodeId: number;
  readonly port: number;
  readonly controllerPort: number;
}

/** One broker or three, each with a controller on the port after its own. */
export function kafkaMembers(ports: Pick<Ports, "kafka">, shape: Shape): KafkaMember[] {
  return Array.from({ length: shape === "cluster" ? KAFKA_BROKERS : 1 }, (_, i) => ({
    nodeId: i + 1,
    port: ports.kafka + 2 * i,
    controllerPort: ports.kafka + 2 * i + 1,
  }));
}

/** The addresses of a stack's own services. A cluster has a separate database, because its Redis and its log belong to that one only. */
export function ownAddresses(ports: Ports, shape: Shape, passwords: Passwords) {
  const list = (members: readonly { readonly port: number }[]) => members.map(({ port }) => `127.0.0.1:${port}`).join();
  const scheme = `redis${shape === "cluster" ? "+cluster" : ""}`;
  const database = `stampede${shape === "cluster" ? "_cluster" : ""}`;
  return {
    // Redis' user without a name in the configuration is "default"; the name is written because not every client fills it in.
    REDIS_URL: `${scheme}://default:${passwords.REDIS_PASSWORD}@${list(redisMembers(ports, shape))}`,
    DATABASE_URL: `postgres://stampede:${passwords.POSTGRES_PASSWORD}@127.0.0.1:${ports.postgres}/${database}`,
    KAFKA_BROKERS: list(kafkaMembers(ports, shape)),
  };
}
