import type { UserId } from "./ids.ts";

/**
 * A user's place among 100 equal parts of all users, 0 to 99. "10 per cent of the users" are those below 10, for every switch
 * of a share of users, in every process, so a user who is in at 10 % is in at 20 % too.
 * FNV-1a, mixed by the finalizer of murmur3, because the low bits of FNV-1a alone are uneven for names that differ in their
 * last digits. The function must not change: users would move between the two sides of a switch that is in use.
 */
export function percentileOf(userId: UserId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 100;
}
