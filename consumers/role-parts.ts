import type { Database } from "../db/client.ts";
import type { Kafka, Producer } from "../kafka/kafka.ts";
import type { RedisConnection } from "../lua/redis.ts";
import type { ConsumersConfig } from "./config.ts";
import type { Log } from "./engine/log.ts";
import type { ConsumersMetrics } from "./metrics.ts";
import type { LoaderDeps } from "./sales/loader.ts";

/**
 * What a process has for its roles; composed in process.ts, or by a test. A role does not import this: the `start.ts` of each
 * says which of these parts it needs.
 */
export interface RoleParts {
  readonly config: ConsumersConfig;
  readonly db: Database;
  readonly redis: RedisConnection;
  /** For SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, "sendAll">;
  /** Loads the scripts of sales. Only role sale-loader may do that. */
  readonly loading: LoaderDeps["loading"];
  readonly log: Log;
  readonly metrics: ConsumersMetrics;
  /** Called when a role has met a bug of ours and cannot go on. */
  readonly roleEnded?: (role: string, error: unknown) => void;
}
