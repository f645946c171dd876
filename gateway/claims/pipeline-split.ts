import type { Pipeline } from "../../contracts/claims/pipeline.ts";
import type { UserId } from "../../contracts/wire/ids.ts";

/**
 * Which of 100 equal parts a user belongs to: FNV-1a, mixed by murmur3's finalizer (FNV's low bits alone are uneven for
 * names that differ in their last digits). Every gateway computes the same, and it must never change: a user who moved
 * would be counted in two parts of a gradual switch.
 */
export function userPart(userId: UserId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 100;
}

/** The way of a user's claims. Raising the share moves users to Redis and none back. */
export function pipelineOf(userId: UserId, redisPercent: number): Pipeline {
  if (redisPercent === 0) return "kafka";
  if (redisPercent === 100) return "redis";
  return userPart(userId) < redisPercent ? "redis" : "kafka";
}
