import type { Demand, Facts, History, Violation } from "./history.ts";
import { mayHaveWon } from "./known.ts";

/** What the rows prove alone: never more than N, one per user, distinct slots within 1..total; and who they may belong to. */
export function checkRows(history: History, facts: Facts, demand: Demand): Violation[] {
  const { total, rows } = facts;
  const held = rows.filter(({ revoked }) => !revoked);
  const found: Violation[] = [];
  if (held.length > total) found.push({ rule: "OVERSOLD", detail: `${held.length} of ${total}` });
  if (demand.winners !== undefined && held.length !== demand.winners) {
    found.push({ rule: "NOT_EXACTLY", detail: `${held.length}, and not ${demand.winners}` });
  }
  const users = new Set<string>();
  const slots = new Map<number, string>();
  for (const { userId, requestId, slot } of held) {
    const who = { userId, requestId };
    if (users.has(userId)) found.push({ rule: "TWO_FOR_ONE_USER", ...who, detail: `slot ${slot} is not their first` });
    users.add(userId);
    if (slot === null || slot < 1 || slot > total) {
      found.push({ rule: "SLOT_OUT_OF_RANGE", ...who, detail: `slot ${slot} of ${total}` });
    } else if (slots.has(slot)) {
      found.push({ rule: "SLOT_TWICE", ...who, detail: `slot ${slot} is also ${slots.get(slot)}'s` });
    } else slots.set(slot, userId);
  }
  const asked = new Set(history.claims.filter(mayHaveWon).map(({ userId }) => userId));
  for (const { userId, requestId, slot } of held) {
    if (asked.has(userId) || demand.isSeeded?.(userId)) continue;
    found.push({ rule: "UNEXPLAINED_WINNER", userId, requestId, detail: `slot ${slot}` });
  }
  return found;
}
