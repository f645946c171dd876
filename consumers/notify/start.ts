import { createInbox } from "../../lua/inbox.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import type { NotifyMetrics } from "./metrics.ts";
import { notify } from "./role.ts";

export interface NotifyParts extends ConsumingParts {
  readonly redis: RedisConnection;
  readonly metrics: ConsumingParts["metrics"] & NotifyMetrics;
}

/** Role notify. */
export function startNotify(parts: NotifyParts): RunningRole {
  const { redis, metrics, log } = parts;
  const role = notify({
    inbox: createInbox(redis),
    routes: createRoutes(redis),
    async publish(channel, payload) {
      const heard = await redis.publish(channel, payload);
      return redis.isCluster ? undefined : heard;
    },
    canWait: redis.isCluster,
    observe: { old: metrics.oldNews, waiting: metrics.waitingNews },
    log,
  });
  return startConsuming("notify", role, parts);
}
