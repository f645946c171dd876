import type { RedisConnection } from "../../lua/redis.ts";

/**
 * Resolves when everything that a Redis has answered so far is in its append-only file and on disk, so that a kill may come:
 * `everysec` says a second, and a busy disk takes longer.
 */
export async function synced(redis: RedisConnection): Promise<void> {
  await redis.config("SET", "appendfsync", "always");
  await redis.set("synced", Date.now());
  await redis.config("SET", "appendfsync", "everysec");
}
