import type { UserId } from "./ids.ts";

/**
 * A user's place in 100 equal parts of all users, 0 to 99. "10 per cent of the users" are those below 10, for every switch
 * of a percentage, in every process. So a user who is included at 10 % is included at 20 % too.
 * FNV-1a, mixed by the finalizer of murmur3, because the low bits of FNV-1a alone are uneven for names that differ in their
 * last digits. The function must not change: users would move from one side of an active switch to the other.
 */
export function percentileOf(userId: UserId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 100;
}
