import { setTimeout as sleep } from "node:timers/promises";
import type { Executor } from "../db/client.ts";
import type { LagReader } from "../kafka/renewed-admin.ts";
import type { CheckResult } from "./check.ts";

/** A consumer group and what it reads. */
export interface Group {
  readonly groupId: string;
  readonly topics: readonly string[];
  /**
   * The group counts as moving if any of its partitions moves. Every order has many records, so in a rush single partitions can
   * wait for longer than this check does. A partition that really stands still delays orders, and `orders-settle` reports those.
   */
  readonly together?: true;
}

/**
 * A revocation is committed at once and carried out within a second. It may wait longer than `stuckMs` (null: no consumer runs)
 * only while its sale is being rebuilt.
 */
export async function checkRevocations(
  sql: Executor,
  couponId: string | null,
  stuckMs: number | null,
): Promise<CheckResult> {
  const rows = await sql<{ requestId: string; isStuck: boolean }[]>`
    SELECT r.request_id AS "requestId", c.load_state = 'LOADED' AND greatest(r.created_at, c.updated_at)
        < now() - make_interval(secs => ${(stuckMs ?? 0) / 1_000}) AS "isStuck"
    FROM revocations r JOIN coupons c ON c.id = r.coupon_id
    WHERE r.done_at IS NULL AND (${couponId}::text IS NULL OR r.coupon_id = ${couponId}) ORDER BY r.created_at`;
  const stuck = stuckMs === null ? [] : rows.filter(({ isStuck }) => isStuck);
  return {
    name: "revocations-move",
    violations: stuck.map(({ requestId }) => requestId),
    examined: rows.length,
    note: stuckMs === null && rows.length > 0 ? `${rows.length} revocations wait; no consumers are running` : undefined,
  };
}

/** Claims that wait until their sale can decide them. They may wait while it is paused, being rebuilt, or was just changed. */
export async function checkDeferredClaims(
  sql: Executor,
  couponId: string | null,
  stuckMs: number | null,
): Promise<CheckResult> {
  const rows = await sql<{ requestId: string; isStuck: boolean }[]>`
    SELECT d.request_id AS "requestId", c.load_state = 'LOADED' AND c.state <> 'PAUSED'
        AND greatest(d.deferred_at, c.updated_at) < now() - make_interval(secs => ${60 + (stuckMs ?? 0) / 1_000}) AS "isStuck"
    FROM deferred_claims d JOIN coupons c ON c.id = d.coupon_id
    WHERE ${couponId}::text IS NULL OR d.coupon_id = ${couponId} ORDER BY d.deferred_at LIMIT 10000`;
  const stuck = stuckMs === null ? [] : rows.filter(({ isStuck }) => isStuck);
  return {
    name: "deferred-claims-move",
    violations: stuck.map(({ requestId }) => requestId),
    examined: rows.length,
    note:
      stuckMs === null && rows.length > 0 ? `${rows.length} claims are deferred; no consumers are running` : undefined,
  };
}

/**
 * A group may be behind; it may not stand still while its process runs. Progress is looked for until `patienceMs` have passed,
 * because a batch that PostgreSQL retries takes some seconds. A group in `mayStand` has a reason, which the report gives.
 */
export async function checkLag(
  admin: LagReader,
  groups: readonly Group[],
  consumersUp: boolean,
  patienceMs: number,
  mayStand: ReadonlyMap<string, string> = new Map(),
): Promise<CheckResult> {
  const before = await lags(admin, groups);
  const behind = [...before.values()].filter(({ lag }) => lag > 0);
  const total = behind.reduce((sum, { lag }) => sum + lag, 0);
  const excuses = new Set(behind.flatMap(({ groupId }) => mayStand.get(groupId) ?? []));
  const together = new Set(groups.flatMap((group) => (group.together ? [group.groupId] : [])));
  let standing = behind.filter(({ groupId }) => !mayStand.has(groupId));
  const deadline = performance.now() + patienceMs;
  while (consumersUp && standing.length > 0 && performance.now() < deadline) {
    await sleep(500);
    const now = await lags(admin, groups);
    const moved = [...before.values()].filter(({ key, committed }) => now.get(key)?.committed !== committed);
    const moving = new Set(moved.flatMap(({ groupId }) => (together.has(groupId) ? [groupId] : [])));
    standing = standing.filter(({ key, groupId, committed }) => {
      const then = now.get(key);
      return then?.committed === committed && then.lag > 0 && !moving.has(groupId);
    });
  }
  const per = [...groups.map(({ groupId }) => `${groupId} ${sumOf(before, groupId)}`), ...excuses].join(", ");
  return {
    name: "lag-moves",
    violations: consumersUp ? standing.map(({ key, lag }) => `${key}: ${lag} records behind and not moving`) : [],
    examined: total,
    note: consumersUp ? `records behind: ${per}` : `records behind: ${per}; no consumers are running`,
  };
}

interface Position {
  readonly key: string;
  readonly groupId: string;
  readonly committed: number;
  readonly lag: number;
}

async function lags(admin: LagReader, groups: readonly Group[]): Promise<Map<string, Position>> {
  const all = new Map<string, Position>();
  for (const { groupId, topics } of groups) {
    for (const { topic, partition, committed, lag } of await admin.groupLag(groupId, topics)) {
      const key = `${groupId} on ${topic}/${partition}`;
      all.set(key, { key, groupId, committed, lag });
    }
  }
  return all;
}

function sumOf(positions: ReadonlyMap<string, Position>, groupId: string): number {
  let sum = 0;
  for (const position of positions.values()) if (position.groupId === groupId) sum += position.lag;
  return sum;
}
