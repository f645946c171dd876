import type { History, HistoryRule, Violation } from "./history.ts";
import { isDefinite } from "./known.ts";

const LOST: readonly HistoryRule[] = ["VANISHED", "ISSUED_WITHOUT_ROW", "GIVEN_UP_UNTOLD"];
const OVERSOLD: readonly HistoryRule[] = ["OVERSOLD", "SLOT_TWICE", "TWO_FOR_ONE_USER", "SLOT_OUT_OF_RANGE"];

/** `<n> claims, lost 0, oversold 0`, and after a loss of Redis how long it took until a claim was decided again. */
export function summaryOf({ claims, losses }: History, violations: readonly Violation[]): string {
  const count = (rules: readonly HistoryRule[]) => violations.filter(({ rule }) => rules.includes(rule)).length;
  const parts = [`${claims.length} claims`, `lost ${count(LOST)}`, `oversold ${count(OVERSOLD)}`];
  const lostAt = losses.at(-1);
  if (lostAt !== undefined) {
    const decided = claims.filter(
      ({ invokedAt, answer }) =>
        invokedAt >= lostAt && (answer.kind === "accepted" || (answer.kind === "refused" && isDefinite(answer.code))),
    );
    const seconds = (Math.min(...decided.map(({ answeredAt }) => answeredAt)) - lostAt) / 1_000;
    if (decided.length > 0) parts.push(`reopened after ${seconds.toFixed(1)} s`);
  }
  return parts.join(", ");
}
