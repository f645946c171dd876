import type { Demand, Facts, History, Interval } from "./history.ts";
import { CLOCK_TOLERANCE_MS, type Known, mayHaveWon } from "./known.ts";

/** How many coupons at most may have been out at a moment, by all that clients know. */
export interface HoldingBound {
  at(moment: number): number;
  /** Moments in a window at which the number may fall right after: the best ones to look at, with the window's end. */
  peaks(from: number, to: number): number[];
}

const FOREVER = Number.POSITIVE_INFINITY;

/**
 * Per user, the times in which they may have held a coupon, at the widest:
 * - a fresh acceptance: from its invocation;
 * - an outcome that was not seen: from its invocation if the user has a row that no acceptance explains; without such a row
 *   only until the last rebuild, which knew of no such claim (a slot taken by a claim that Redis then forgot);
 * - a seeded row: always;
 * and all of that until an operator's revocation was answered, for claims that had been answered before it began.
 */
export function holding(history: History, facts: Facts, demand: Demand, known: Known): HoldingBound {
  const lastFence = facts.fences.reduce((last, { at }) => Math.max(last, at + CLOCK_TOLERANCE_MS), -FOREVER);
  const explained = new Set(
    known.acceptances.filter(({ answer }) => !answer.repeat).map(({ answer }) => answer.requestId),
  );
  const unexplained = new Set(facts.rows.filter((row) => !explained.has(row.requestId)).map(({ userId }) => userId));
  const revocations = Map.groupBy(history.revocations, ({ userId }) => userId);
  const endOf = (userId: string, claim: Interval): number => {
    const taken = revocations.get(userId)?.filter(({ invokedAt }) => invokedAt >= claim.answeredAt) ?? [];
    return Math.min(FOREVER, ...taken.map(({ answeredAt }) => answeredAt));
  };
  const times = new Map<string, [from: number, to: number][]>();
  const add = (userId: string, from: number, to: number) => {
    if (from > to) return;
    const own = times.get(userId);
    if (own === undefined) times.set(userId, [[from, to]]);
    else own.push([from, to]);
  };
  for (const claim of history.claims) {
    const { userId, invokedAt, answer } = claim;
    if (!mayHaveWon(claim)) continue;
    if (answer.kind === "accepted") {
      const row = known.rowOf(answer.requestId);
      if (row === undefined && answer.slot === null) continue; // queued, and refused in the end
      // A coupon that is out in the end was not the one that was taken back.
      add(userId, invokedAt, row?.revoked === false ? FOREVER : endOf(userId, claim));
    } else add(userId, invokedAt, unexplained.has(userId) ? FOREVER : lastFence);
  }
  for (const { userId } of facts.rows) {
    if (!demand.isSeeded?.(userId)) continue;
    add(userId, -FOREVER, endOf(userId, { invokedAt: -FOREVER, answeredAt: -FOREVER }));
  }
  const merged = [...times.values()].flatMap(union);
  const starts = merged.map(([from]) => from).sort((a, b) => a - b);
  const ends = merged.map(([, to]) => to).sort((a, b) => a - b);
  const falls = [...new Set(ends)];
  return {
    at: (moment) => countUpTo(starts, moment, true) - countUpTo(ends, moment, false),
    peaks: (from, to) => [...falls.slice(countUpTo(falls, from, false), countUpTo(falls, to, true)), to],
  };
}

/** Overlapping times of one user are one coupon. */
function union(times: readonly (readonly [number, number])[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of times.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** How many of the sorted numbers lie below `limit`, or (inclusive) at most at it. */
function countUpTo(sorted: readonly number[], limit: number, inclusive: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < limit || (inclusive && sorted[middle] === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}
