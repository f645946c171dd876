import { SETTLE_TIMES_KEY } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** How long orders take at present, from their acceptance to their end. */
export interface SettleTimes {
  readonly settledPerS: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Seconds after which a measurement is too old to be used. */
const TTL_S = 60;

/** Of several saga processes, the last one to write counts: each handles a part of all orders. @throws StampedeError */
export async function writeSettleTimes(redis: RedisConnection, times: SettleTimes): Promise<void> {
  await redis.set(SETTLE_TIMES_KEY, JSON.stringify(times), "EX", TTL_S).catch(rethrow);
}

/** null: nothing was settled within the last minute. @throws StampedeError */
export async function readSettleTimes(redis: RedisConnection): Promise<SettleTimes | null> {
  const text = await redis.get(SETTLE_TIMES_KEY).catch(rethrow);
  return text === null ? null : JSON.parse(text);
}
