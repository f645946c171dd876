import type { Demand, Facts, History, Interval, TotalSet, Violation } from "./history.ts";
import { holding } from "./holding.ts";
import { isRebuilt, type Known } from "./known.ts";

/** A gateway may refuse from memory for so long without news from Redis (GATE_TTL_MS), should a message be lost. */
export const GATE_TTL_MS = 2_000;

interface SoldOut extends Interval {
  readonly userId: string;
  readonly requestId?: string;
}

/**
 * SOLD_OUT is honest when there is a moment between the request and its answer (or as long before as a gateway may
 * remember) at which as many coupons as the sale then had could have been out, by claims that had been sent before.
 */
export function checkRefusals(history: History, facts: Facts, demand: Demand, known: Known): Violation[] {
  const held = holding(history, facts, demand, known);
  const totals = totalsOf(history.totals, facts.total);
  const found: Violation[] = [];
  for (const { userId, requestId, invokedAt, answeredAt } of soldOuts(history, known)) {
    const from = invokedAt - GATE_TTL_MS;
    const moments = [...held.peaks(from, answeredAt), ...totals.changes(from, answeredAt)];
    const honest = moments.some((moment) => held.at(moment) >= totals.least(moment));
    if (honest) continue;
    const detail = `at most ${Math.max(...moments.map(held.at))} of ${totals.least(answeredAt)} could have been taken`;
    const who = { userId, ...(requestId === undefined ? {} : { requestId }), at: { invokedAt, answeredAt } };
    found.push({ rule: "SOLD_OUT_TOO_EARLY", ...who, detail });
  }
  return [...found, ...refusedWinners(history, facts, known)];
}

/** Claims answered SOLD_OUT; and queued ones, whose answer is the word that came later. */
function soldOuts(history: History, known: Known): SoldOut[] {
  const refused = history.claims.filter(({ answer }) => answer.kind === "refused" && answer.code === "SOLD_OUT");
  const queued = known.acceptances.flatMap(({ userId, invokedAt, answer: { requestId, slot } }): SoldOut[] => {
    if (slot !== null || known.rowOf(requestId) !== undefined) return [];
    const word = known.wordsOn(requestId).find(({ reason }) => reason === "SOLD_OUT");
    return word === undefined ? [] : [{ userId, requestId, invokedAt, answeredAt: word.at }];
  });
  return [...refused, ...queued];
}

/** The smallest total that the sale may have had at a moment; while it is being changed, both are possible. */
function totalsOf(sets: readonly TotalSet[], final: number) {
  const sorted = sets.toSorted((a, b) => a.invokedAt - b.invokedAt);
  // Changed past the recorder: at any time, then.
  const unseen = sorted.some(({ total }) => total === final) ? [] : [final];
  return {
    least(moment: number): number {
      const isOver = (set: TotalSet) =>
        sorted.some((later) => later.invokedAt >= set.answeredAt && later.answeredAt < moment);
      const possible = sorted.filter((set) => set.invokedAt <= moment && !isOver(set));
      const first = possible.length === 0 ? sorted.slice(0, 1) : possible;
      return Math.min(...unseen, ...first.map(({ total }) => total));
    },
    changes: (from: number, to: number) =>
      sorted.flatMap(({ invokedAt, answeredAt }) => [invokedAt, answeredAt]).filter((at) => at >= from && at <= to),
  };
}

/**
 * Who was accepted and still holds that coupon in the end must never hear SOLD_OUT afterwards. Not so a claim that was
 * decided once more after a rebuild, because it came out of the log too late: in between it had no owner.
 */
function refusedWinners({ claims }: History, facts: Facts, known: Known): Violation[] {
  const since = new Map<string, { at: number; requestId: string }>();
  for (const accepted of known.acceptances) {
    const { userId, answeredAt, answer } = accepted;
    const row = known.rowOf(answer.requestId);
    if (row === undefined || row.revoked || row.userId !== userId || known.isRevoked(userId)) continue;
    if (answer.slot === null || since.has(userId) || isRebuilt(accepted, row, facts)) continue;
    since.set(userId, { at: answeredAt, requestId: answer.requestId });
  }
  return claims.flatMap(({ userId, invokedAt, answeredAt, answer }): Violation[] => {
    const won = since.get(userId);
    if (won === undefined || answer.kind !== "refused" || answer.code !== "SOLD_OUT" || invokedAt <= won.at) return [];
    const detail = `accepted at ${won.at.toFixed(0)}`;
    return [{ rule: "WINNER_REFUSED", userId, requestId: won.requestId, at: { invokedAt, answeredAt }, detail }];
  });
}
