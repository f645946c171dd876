import type { History, Violation } from "./history.ts";
import type { Known } from "./known.ts";

/** What owners heard of their requests, over sockets and by asking, must be what the rows say. */
export function checkTold(history: History, known: Known): Violation[] {
  const found: Violation[] = [];
  for (const { userId, requestId, word, slot, at } of known.words) {
    const who = { userId, requestId, at: { invokedAt: at, answeredAt: at } };
    const row = known.rowOf(requestId);
    if (word === "FAILED") {
      if (row === undefined || row.revoked) continue;
      found.push({ rule: "FAILED_AND_PERSISTED", ...who, detail: `holds slot ${row.slot}` });
    } else if (row === undefined || row.userId !== userId) {
      found.push({ rule: "ISSUED_WITHOUT_ROW", ...who, detail: row ? `the row is ${row.userId}'s` : "no row" });
    } else if (row.revoked) {
      if (known.isRevoked(userId)) continue;
      found.push({ rule: "ISSUED_THEN_GIVEN_UP", ...who, detail: `slot ${slot}, then a tombstone` });
    } else if (slot !== null && slot !== row.slot) {
      found.push({ rule: "SLOT_DIFFERS", ...who, detail: `told ISSUED with ${slot}, the row has ${row.slot}` });
    }
  }
  return [...found, ...forgotten(history, known)];
}

/** Accepted, and then unknown: while a sale is being rebuilt the word is PENDING, not 404. */
function forgotten(history: History, known: Known): Violation[] {
  const acceptedAt = new Map<string, number>();
  for (const { userId, answer, answeredAt } of known.acceptances) {
    const key = `${userId} ${answer.requestId}`; // for other users it does not exist
    if (!acceptedAt.has(key)) acceptedAt.set(key, answeredAt);
  }
  return history.statusReads.flatMap(({ userId, requestId, status, invokedAt, answeredAt }): Violation[] => {
    const since = acceptedAt.get(`${userId} ${requestId}`);
    if (status !== "NOT_FOUND" || since === undefined || invokedAt <= since) return [];
    const detail = `accepted at ${since.toFixed(0)}`;
    return [{ rule: "REQUEST_FORGOTTEN", userId, requestId, at: { invokedAt, answeredAt }, detail }];
  });
}
