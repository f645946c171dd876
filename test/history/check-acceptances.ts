import type { Demand, Facts, History, HistoryRow, Violation } from "./history.ts";
import { type Accepted, CLOCK_TOLERANCE_MS, isRebuilt, type Known } from "./known.ts";

const evidence = ({ userId, invokedAt, answeredAt, answer }: Accepted) => ({
  userId,
  requestId: answer.requestId,
  at: { invokedAt, answeredAt },
});

/** Every 202 and 200: it is provable, it is kept, it is repeated as it was, and it was not given by a Redis that forgot. */
export function checkAcceptances(history: History, facts: Facts, demand: Demand, known: Known): Violation[] {
  const found: Violation[] = [];
  const givenUp = new Set<string>();
  for (const accepted of known.acceptances) {
    const { requestId } = accepted.answer;
    const row = known.rowOf(requestId);
    found.push(...ending(accepted, row, known), ...receipt(accepted, demand));
    if (row?.revoked && !known.isRevoked(accepted.userId)) givenUp.add(requestId);
    if (row !== undefined && !row.revoked) found.push(...slotOf(accepted, row, facts, known));
    found.push(...unfenced(accepted, row, history, known));
  }
  if (givenUp.size > (demand.givenUp ?? 0)) {
    const detail = `${givenUp.size} requests, ${[...givenUp].slice(0, 3).join(", ")}; allowed: ${demand.givenUp ?? 0}`;
    found.push({ rule: "GIVEN_UP_TOO_OFTEN", detail });
  }
  const successive = (accepted: readonly Accepted[], by: (accepted: Accepted) => string, judge: typeof repeat) => {
    for (const group of Map.groupBy(accepted, by).values()) {
      for (let i = 1; i < group.length; i++) found.push(...judge(group[i - 1]!, group[i]!, known));
    }
  };
  successive(known.acceptances, ({ answer }) => answer.requestId, repeat);
  // An answer about a coupon that is over can arrive between two others, and must not stand between them here.
  const standing = known.acceptances.filter(({ answer }) => !isOver(answer.requestId, known));
  successive(standing, ({ userId }) => userId, otherId);
  return found;
}

function ending(accepted: Accepted, row: HistoryRow | undefined, known: Known): Violation[] {
  const { requestId, slot } = accepted.answer;
  // The word about the original is the word about its alias.
  const words = [...known.wordsOn(requestId), ...known.wordsOn(row?.requestId ?? requestId)];
  const toldFailed = words.some(({ word }) => word === "FAILED");
  if (row === undefined) {
    // A queued request that lost leaves nothing behind but the word.
    if (slot === null && toldFailed) return [];
    return [{ rule: "VANISHED", ...evidence(accepted), detail: `told slot ${slot}; no row` }];
  }
  if (row.userId !== accepted.userId) {
    return [{ rule: "VANISHED", ...evidence(accepted), detail: `the row is ${row.userId}'s` }];
  }
  if (!row.revoked || toldFailed) return [];
  return [{ rule: "GIVEN_UP_UNTOLD", ...evidence(accepted), detail: `told slot ${slot}, then nothing` }];
}

function receipt(accepted: Accepted, demand: Demand): Violation[] {
  const { requestId, receipt } = accepted.answer;
  if (receipt === null || receipt === "") {
    return [{ rule: "NO_RECEIPT", ...evidence(accepted), detail: "accepted without a receipt" }];
  }
  if (demand.isReceipt === undefined || demand.isReceipt(receipt, requestId, accepted.userId)) return [];
  return [{ rule: "RECEIPT_WRONG", ...evidence(accepted), detail: receipt }];
}

function slotOf(accepted: Accepted, row: HistoryRow, facts: Facts, known: Known): Violation[] {
  const { requestId, slot } = accepted.answer;
  // An alias was granted another slot before PostgreSQL's older row was found.
  if (slot === null || slot === row.slot || known.isAlias(requestId) || isRebuilt(accepted, row, facts)) return [];
  return [{ rule: "SLOT_DIFFERS", ...evidence(accepted), detail: `told ${slot}, the row has ${row.slot}` }];
}

/**
 * A claim sent after a loss must be granted by the rebuilt sale, and nothing may be answered from keys that survived. A
 * queued request is only logged when it is answered: nothing was decided that a fence would have had to prevent.
 */
function unfenced(accepted: Accepted, row: HistoryRow | undefined, { losses }: History, known: Known): Violation[] {
  if (accepted.answer.slot === null) return [];
  const loss = losses.findLast((at) => at <= accepted.invokedAt);
  if (loss === undefined) return [];
  const fence = known.fenceAfter(loss);
  const tooSoon = fence === undefined || accepted.answeredAt < fence.at - CLOCK_TOLERANCE_MS;
  const isFresh = !accepted.answer.repeat && !known.isAlias(accepted.answer.requestId);
  const ofOldEpoch = fence !== undefined && isFresh && row !== undefined && row.epoch < fence.epoch;
  if (!tooSoon && !ofOldEpoch) return [];
  const fenced = fence === undefined ? "never" : `at ${fence.at.toFixed(0)}, epoch ${fence.epoch}`;
  const detail = `lost at ${loss.toFixed(0)}, fenced ${fenced}; the row's epoch is ${row?.epoch}`;
  return [{ rule: "DECIDED_UNFENCED", ...evidence(accepted), detail }];
}

/** One request answered twice: the same receipt, and the same slot unless the sale was rebuilt in between. */
function repeat(before: Accepted, after: Accepted, known: Known): Violation[] {
  const [first, second] = [before.answer, after.answer];
  if (first.receipt !== null && second.receipt !== null && first.receipt !== second.receipt) {
    return [{ rule: "RECEIPT_WRONG", ...evidence(after), detail: `${second.receipt} after ${first.receipt}` }];
  }
  if (first.slot === null || second.slot === null || first.slot === second.slot) return [];
  const fence = known.fenceAfter(before.invokedAt);
  if (fence !== undefined && fence.at <= after.answeredAt + CLOCK_TOLERANCE_MS) return [];
  return [{ rule: "REPEAT_DIFFERS", ...evidence(after), detail: `slot ${second.slot} after ${first.slot}` }];
}

/** Whether a request's coupon was revoked, or the request was told that it failed. */
const isOver = (requestId: string, known: Known): boolean =>
  known.rowOf(requestId)?.revoked === true || known.wordsOn(requestId).some(({ word }) => word === "FAILED");

/** Two acceptances of one user under two ids, neither of them over: both must be names for one coupon. */
function otherId(before: Accepted, after: Accepted, known: Known): Violation[] {
  const [first, second] = [before.answer.requestId, after.answer.requestId];
  if (first === second) return [];
  const row = known.rowOf(first);
  if (row !== undefined && row === known.rowOf(second)) return [];
  return [{ rule: "REPEAT_DIFFERS", ...evidence(after), detail: `${second} after ${first}` }];
}
