import { expect } from "bun:test";
import type { UserStory } from "./rush.ts";
import type { System } from "./system.ts";

export interface Expected {
  /** How many coupons must be out in the end. */
  readonly winners: number;
  /** Claims that may have been given up after a 202 (told FAILED, with a tombstone). Default 0. */
  readonly givenUp?: number;
}

/**
 * The end of every fault: everything has settled, the checker finds nothing, there are exactly so many winners, each with
 * a slot of their own, and every acceptance that anybody was ever told stands in the database under that user.
 */
export async function promisesKept(
  system: System,
  couponId: string,
  stories: readonly UserStory[],
  expected: Expected,
): Promise<void> {
  await system.settled(couponId, 60_000);
  expect(await system.violations()).toEqual([]);

  const rows = await system.sql`
    SELECT user_id, slot, request_id, status FROM user_coupons WHERE coupon_id = ${couponId}`;
  const aliases = await system.sql`
    SELECT request_id, original_request_id FROM request_aliases WHERE coupon_id = ${couponId}`;
  const original = new Map(aliases.map((row) => [row.request_id, row.original_request_id]));
  const rowOf = new Map(rows.map((row) => [row.request_id, row]));
  const vanished: string[] = [];
  let givenUp = 0;
  for (const { userId, answers } of stories) {
    for (const answer of answers) {
      if (answer.status !== 202 && answer.status !== 200) continue;
      const { requestId, durable } = answer.body;
      const row = rowOf.get(original.get(requestId) ?? requestId);
      if (row === undefined || row.user_id !== userId) vanished.push(`${userId} ${requestId} ${durable}`);
      else if (row.status === "REVOKED") givenUp++;
    }
  }
  expect(vanished).toEqual([]);

  const held = rows.filter(({ status }) => status !== "REVOKED");
  expect(held).toHaveLength(expected.winners);
  expect(new Set(held.map(({ user_id }) => user_id)).size).toBe(held.length);
  expect(new Set(held.map(({ slot }) => slot)).size).toBe(held.length);
  expect(givenUp).toBeLessThanOrEqual(expected.givenUp ?? 0);
}
