import type { UserId } from "../contracts/wire/ids.ts";
import { gatewayChannel, userKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import pruneText from "./route-prune.lua" with { type: "text" };

/** Routes: which gateway holds a user's sockets. Connection ids are never reused. All methods reject with StampedeError. */
export interface Routes {
  /** Callers write the route first and then read the inbox, so that a message in between is seen. */
  add(userId: UserId, connectionId: string, gatewayId: string): Promise<void>;
  remove(userId: UserId, connectionId: string): Promise<void>;
  /** Extends the life of a user's routes. Callers do it once in half of ROUTE_TTL_S while a socket is open. */
  touch(userId: UserId): Promise<void>;
  /** Whether the route exists. */
  has(userId: UserId, connectionId: string): Promise<boolean>;
  /**
   * Removes routes to gateways that are not subscribed to their channel, unless the route points to another gateway by now.
   * Returns how many. Not for a cluster.
   */
  prune(userId: UserId, routes: Iterable<readonly [connectionId: string, gatewayId: string]>): Promise<number>;
}

/** Seconds that the routes of a killed gateway stay at most. */
export const ROUTE_TTL_S = 24 * 3600;

export function createRoutes(redis: RedisConnection): Routes {
  const pruneScript = new PortableScript(pruneText);
  const settle = async (...commands: Promise<unknown>[]) => {
    await Promise.all(commands).catch(rethrow);
  };
  return {
    async add(userId, connectionId, gatewayId) {
      const { route } = userKeys(userId);
      await settle(redis.hset(route, connectionId, gatewayId), redis.expire(route, ROUTE_TTL_S));
    },
    async remove(userId, connectionId) {
      await settle(redis.hdel(userKeys(userId).route, connectionId));
    },
    async touch(userId) {
      await settle(redis.expire(userKeys(userId).route, ROUTE_TTL_S));
    },
    async has(userId, connectionId) {
      return (await redis.hexists(userKeys(userId).route, connectionId).catch(rethrow)) === 1;
    },
    async prune(userId, routes) {
      const args = [...routes].flatMap(([connectionId, gatewayId]) => [
        connectionId,
        gatewayId,
        gatewayChannel(gatewayId),
      ]);
      if (args.length === 0) return 0;
      return (await pruneScript.run(redis, [userKeys(userId).route], args)) as number;
    },
  };
}
